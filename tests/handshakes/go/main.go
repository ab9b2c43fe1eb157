// Command consumer is a program with mTLS in Go. Its key, certificate and trust bundle are in a
// folder, which it reads again for every connection.
//
// It prints the port on which it answers each line reversed. For each line "ADDRESS NAME" on standard input it connects
// to the server of that name, exchanges a line, and prints "ok", or why not.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	question = "mutual trust"
	answer   = "tsurt lautum"
	patience = time.Minute
)

// folder is where key, certificate and trust bundle are mounted.
type folder string

func main() {
	mounted := folder(os.Args[1])
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return mounted.load("") },
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go serve(listener)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		address, name, _ := strings.Cut(lines.Text(), " ")
		if err := mounted.dial(address, name); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok")
		}
	}
}

// load is the configuration for one connection: of a server, and of a client of the server of that name.
func (f folder) load(name string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(string(f), "tls.crt"), filepath.Join(string(f), "tls.key"))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(string(f), "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, errors.New("ca.crt holds no certificate")
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: name,
		ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
	}, nil
}

func serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go reply(connection)
	}
}

func reply(connection net.Conn) {
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(connection).ReadBytes('\n')
	if err != nil {
		return
	}
	line = line[:len(line)-1]
	slices.Reverse(line)
	_, _ = connection.Write(append(line, '\n'))
}

func (f folder) dial(address, name string) error {
	config, err := f.load(name)
	if err != nil {
		return err
	}
	connection, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, config)
	if err != nil {
		return err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(connection, question); err != nil {
		return err
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err == nil && strings.TrimSpace(line) != answer {
		err = fmt.Errorf("the answer is %q", line)
	}
	return err
}
