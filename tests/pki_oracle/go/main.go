// Command pki-oracle lets crypto/x509 and crypto/tls judge the leaves in a folder.
//
// It prints a line "ok CASE CHECK" or "FAIL CASE CHECK: WHY" for each check, and exits with 1 if any failed.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// suite is what all cases share.
type suite struct {
	folder, name, wrongName string
	failed                  bool
}

// identity is one leaf as its Secret holds it.
type identity struct {
	pair         tls.Certificate
	roots, other *x509.CertPool
}

func main() {
	s := &suite{folder: os.Args[1], name: os.Args[2], wrongName: os.Args[3]}
	cases, err := os.Open(filepath.Join(s.folder, "cases"))
	if err != nil {
		panic(err)
	}
	defer cases.Close()
	for lines := bufio.NewScanner(cases); lines.Scan(); {
		s.judge(lines.Text())
	}
	if s.failed {
		os.Exit(1)
	}
}

func (s *suite) judge(name string) {
	id, err := read(filepath.Join(s.folder, name))
	if err != nil {
		s.report(name, "read", err)
		return
	}
	later := time.Now().Add(48 * time.Hour)
	s.report(name, "server-path", id.verify(id.roots, s.name, time.Now(), x509.ExtKeyUsageServerAuth))
	s.report(name, "client-path", id.verify(id.roots, "", time.Now(), x509.ExtKeyUsageClientAuth))
	s.refused(name, "wrong-root", id.verify(id.other, s.name, time.Now(), x509.ExtKeyUsageServerAuth), &x509.UnknownAuthorityError{})
	s.refused(name, "wrong-name", id.verify(id.roots, s.wrongName, time.Now(), x509.ExtKeyUsageServerAuth), &x509.HostnameError{})
	s.refused(name, "expired", id.verify(id.roots, s.name, later, x509.ExtKeyUsageClientAuth), &x509.CertificateInvalidError{})
	s.report(name, "handshake-1.2", handshake(id.server(), id.client(s.name), tls.VersionTLS12))
	s.report(name, "handshake-1.3", handshake(id.server(), id.client(s.name), tls.VersionTLS13))

	stranger := id.server()
	stranger.ClientCAs = id.other
	s.turnedAway(name, "client-of-wrong-root", handshake(stranger, id.client(s.name), tls.VersionTLS13))
	anonymous := id.client(s.name)
	anonymous.Certificates = nil
	s.turnedAway(name, "client-without-certificate", handshake(id.server(), anonymous, tls.VersionTLS13))
	s.turnedAway(name, "server-of-wrong-name", handshake(id.server(), id.client(s.wrongName), tls.VersionTLS13))
}

func read(folder string) (*identity, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	if err != nil {
		return nil, err
	}
	roots, err := pool(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	other, err := pool(filepath.Join(folder, "other.crt"))
	return &identity{pair, roots, other}, err
}

func pool(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(text); block == nil {
		return nil, fmt.Errorf("%s: no PEM", file)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return roots, nil
}

func (id *identity) verify(roots *x509.CertPool, name string, at time.Time, usage x509.ExtKeyUsage) error {
	leaf, err := x509.ParseCertificate(id.pair.Certificate[0])
	if err != nil {
		return err
	}
	above := x509.NewCertPool()
	for _, der := range id.pair.Certificate[1:] {
		ca, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		above.AddCert(ca)
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: above, DNSName: name, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	return err
}

func (id *identity) server() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{id.pair}, ClientCAs: id.roots, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

func (id *identity) client(name string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{id.pair}, RootCAs: id.roots, ServerName: name}
}

// handshake connects over loopback and exchanges a line, so that both sides have verified each other.
func handshake(server, client *tls.Config, version uint16) error {
	client.MinVersion, client.MaxVersion = version, version
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		return err
	}
	defer listener.Close()
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		_, _ = io.Copy(connection, connection)
	}()
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	connection, err := tls.DialWithDialer(dialer, "tcp", listener.Addr().String(), client)
	if err != nil {
		return err
	}
	defer connection.Close()
	return echo(connection)
}

func echo(connection *tls.Conn) error {
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := connection.Write([]byte("word")); err != nil {
		return err
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(connection, answer); err != nil {
		return err
	}
	if string(answer) != "word" {
		return errors.New("another word came back")
	}
	return nil
}

func (s *suite) report(name, check string, err error) {
	if err == nil {
		fmt.Println("ok", name, check)
		return
	}
	s.failed = true
	fmt.Printf("FAIL %s %s: %s\n", name, check, strings.ReplaceAll(err.Error(), "\n", " "))
}

// refused wants an error of the same type as kind.
func (s *suite) refused(name, check string, err error, kind error) {
	if err != nil && strings.TrimPrefix(fmt.Sprintf("%T", kind), "*") == fmt.Sprintf("%T", err) {
		err = nil
	} else {
		err = fmt.Errorf("wanted %T, got %v", kind, err)
	}
	s.report(name, check, err)
}

// turnedAway wants the verdict of one of the two sides: an alert of the server, or the client's own judgement of the
// certificate. That a connection was cut or took too long is no verdict.
func (s *suite) turnedAway(name, check string, err error) {
	var alert *net.OpError
	var judged *tls.CertificateVerificationError
	switch {
	case err == nil:
		err = errors.New("accepted")
	case errors.As(err, &judged), errors.As(err, &alert) && alert.Op == "remote error":
		err = nil
	default:
		err = fmt.Errorf("no verdict: %w", err)
	}
	s.report(name, check, err)
}
