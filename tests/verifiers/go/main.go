// Command verdicts lets crypto/x509 judge chains. Each line of the file it is given is a question: the files of chain,
// key and roots, the role of the leaf ("server" or "client") and a time in seconds, with tabs between them. For each it
// prints "accepted", or "refused: " and why.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	questions, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(questions); lines.Scan(); {
		if err := judge(strings.Split(lines.Text(), "\t")); err != nil {
			fmt.Println("refused:", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("accepted")
		}
	}
}

func judge(question []string) error {
	chain, roots := certificates(question[0]), x509.NewCertPool()
	for _, root := range certificates(question[2]) {
		roots.AddCert(root)
	}
	above := x509.NewCertPool()
	for _, ca := range chain[1:] {
		above.AddCert(ca)
	}
	usage := map[string]x509.ExtKeyUsage{"server": x509.ExtKeyUsageServerAuth, "client": x509.ExtKeyUsageClientAuth}
	seconds, err := strconv.ParseInt(question[4], 10, 64)
	if err != nil {
		panic(err)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: above, CurrentTime: time.Unix(seconds, 0),
		KeyUsages: []x509.ExtKeyUsage{usage[question[3]]},
	})
	return err
}

// certificates of a file. One that cannot be read is no verdict.
func certificates(file string) (found []*x509.Certificate) {
	rest, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			panic(err)
		}
		found = append(found, certificate)
	}
	return found
}
