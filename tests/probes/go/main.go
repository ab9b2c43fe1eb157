// A TLS server with what lies in its folder: tls.crt, tls.key, ca.crt. It waits for its clients to leave.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

var modes = map[string]tls.ClientAuthType{
	"none":    tls.NoClientCert,
	"any":     tls.RequireAnyClientCert,
	"given":   tls.VerifyClientCertIfGiven,
	"require": tls.RequireAndVerifyClientCert,
}

func main() {
	highest := flag.Int("max", 13, "highest TLS version, 12 or 13")
	tickets := flag.Bool("tickets", true, "send session tickets")
	auth := flag.String("auth", "require", "none, any, given or require")
	name := flag.String("name", "", "the only URI that clients may have")
	flag.Parse()

	config := &tls.Config{
		MinVersion:             tls.VersionTLS12,
		MaxVersion:             tls.VersionTLS10 + uint16(*highest) - 10,
		SessionTicketsDisabled: !*tickets,
		ClientAuth:             modes[*auth],
		ClientCAs:              x509.NewCertPool(),
	}
	pair, err := tls.LoadX509KeyPair("tls.crt", "tls.key")
	check(err)
	config.Certificates = []tls.Certificate{pair}
	roots, err := os.ReadFile("ca.crt")
	check(err)
	if !config.ClientCAs.AppendCertsFromPEM(roots) {
		check(errors.New("ca.crt holds no certificate"))
	}
	if *name != "" {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			for _, uri := range state.PeerCertificates[0].URIs {
				if uri.String() == *name {
					return nil
				}
			}
			return errors.New("another name")
		}
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Printf("listening on %d\n", listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		check(err)
		go serve(tls.Server(connection, config))
	}
}

func serve(connection *tls.Conn) {
	defer connection.Close()
	if connection.Handshake() == nil {
		_, _ = io.Copy(io.Discard, connection)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
