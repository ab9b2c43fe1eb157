import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * Lets PKIX and JSSE judge the leaves in a folder. Prints a line "ok CASE CHECK" or "FAIL CASE CHECK: WHY" for each
 * check, and exits with 1 if any failed.
 */
public final class PkiOracle {
    private static final char[] PASSWORD = "changeit".toCharArray();
    private static final long TWO_DAYS = 48L * 3600 * 1000;
    private static final int PATIENCE = 10_000;
    private static boolean failed;

    private interface Check {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        for (String name : Files.readAllLines(folder.resolve("cases"))) {
            judge(name, folder.resolve(name), arguments[1], arguments[2]);
        }
        System.exit(failed ? 1 : 0);
    }

    private static void judge(String name, Path folder, String rightName, String wrongName) throws Exception {
        List<X509Certificate> chain = certificates(folder.resolve("tls.crt"));
        List<X509Certificate> root = certificates(folder.resolve("ca.crt"));
        List<X509Certificate> other = certificates(folder.resolve("other.crt"));
        PrivateKey key = key(folder.resolve("tls.key"), chain.get(0).getPublicKey().getAlgorithm());
        Date now = new Date();
        SSLContext own = context(chain, key, root);
        SSLContext stranger = context(chain, key, other);
        SSLContext anonymous = context(null, null, root);

        accepts(name, "path", () -> validate(chain, root, now));
        refuses(name, "wrong-root", CertPathBuilderException.class, () -> validate(chain, other, now));
        refuses(name, "expired", CertPathBuilderException.class,
                () -> validate(chain, root, new Date(now.getTime() + TWO_DAYS)));
        accepts(name, "handshake-1.2", () -> handshake(own, own, rightName, "TLSv1.2"));
        accepts(name, "handshake-1.3", () -> handshake(own, own, rightName, "TLSv1.3"));
        refuses(name, "server-of-wrong-name", IOException.class, () -> handshake(own, own, wrongName, "TLSv1.3"));
        refuses(name, "client-of-wrong-root", IOException.class,
                () -> handshake(stranger, own, rightName, "TLSv1.3"));
        refuses(name, "client-without-certificate", IOException.class,
                () -> handshake(own, anonymous, rightName, "TLSv1.3"));
    }

    /** Builds a path as JSSE does: what is served beside the leaf are candidates, and need not all be used. */
    private static void validate(List<X509Certificate> chain, List<X509Certificate> roots, Date at) throws Exception {
        X509CertSelector leaf = new X509CertSelector();
        leaf.setCertificate(chain.get(0));
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(trust(roots), leaf);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(chain)));
        parameters.setRevocationEnabled(false);
        parameters.setDate(at);
        CertPathBuilder.getInstance("PKIX").build(parameters);
    }

    private static KeyStore trust(List<X509Certificate> roots) throws Exception {
        KeyStore trust = KeyStore.getInstance("PKCS12");
        trust.load(null, null);
        for (int number = 0; number < roots.size(); number++) {
            trust.setCertificateEntry("root-" + number, roots.get(number));
        }
        return trust;
    }

    /** Connects over loopback and exchanges a byte, so that both sides have verified each other. */
    private static void handshake(SSLContext server, SSLContext client, String name, String version)
            throws Exception {
        try (SSLServerSocket listener = (SSLServerSocket) server.getServerSocketFactory()
                .createServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
            listener.setNeedClientAuth(true);
            Thread answering = new Thread(() -> answer(listener));
            answering.start();
            try (SSLSocket socket = (SSLSocket) client.getSocketFactory().createSocket()) {
                connect(socket, listener.getLocalPort(), name, version);
            } finally {
                listener.close();
                answering.join();
            }
        }
    }

    private static void connect(SSLSocket socket, int port, String name, String version) throws IOException {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        parameters.setServerNames(List.of(new javax.net.ssl.SNIHostName(name)));
        parameters.setProtocols(new String[] {version});
        socket.setSSLParameters(parameters);
        socket.setSoTimeout(PATIENCE);
        byte[] loopback = java.net.InetAddress.getLoopbackAddress().getAddress();
        socket.connect(new java.net.InetSocketAddress(java.net.InetAddress.getByAddress(name, loopback), port));
        socket.getOutputStream().write(42);
        if (socket.getInputStream().read() != 42) {
            throw new IOException("another byte came back");
        }
    }

    private static void answer(SSLServerSocket listener) {
        try (SSLSocket socket = (SSLSocket) listener.accept()) {
            socket.setSoTimeout(PATIENCE);
            socket.getOutputStream().write(socket.getInputStream().read());
        } catch (IOException refused) {
            // The client sees it too, and reports it.
        }
    }

    private static SSLContext context(List<X509Certificate> chain, PrivateKey key, List<X509Certificate> roots)
            throws Exception {
        TrustManagerFactory trusting = TrustManagerFactory.getInstance("PKIX");
        trusting.init(trust(roots));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys(chain, key), trusting.getTrustManagers(), null);
        return context;
    }

    private static KeyManager[] keys(List<X509Certificate> chain, PrivateKey key) throws Exception {
        if (key == null) {
            return new KeyManager[0];
        }
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(null, null);
        own.setKeyEntry("own", key, PASSWORD, chain.toArray(new Certificate[0]));
        KeyManagerFactory owning = KeyManagerFactory.getInstance("NewSunX509");
        owning.init(new javax.net.ssl.KeyStoreBuilderParameters(
                KeyStore.Builder.newInstance(own, new KeyStore.PasswordProtection(PASSWORD))));
        return owning.getKeyManagers();
    }

    private static List<X509Certificate> certificates(Path file) throws Exception {
        List<X509Certificate> found = new ArrayList<>();
        byte[] text = Files.readAllBytes(file);
        for (Certificate one : CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(text))) {
            found.add((X509Certificate) one);
        }
        return found;
    }

    private static PrivateKey key(Path file, String algorithm) throws Exception {
        String base64 = Files.readString(file).replaceAll("-----[A-Z ]+-----", "");
        byte[] der = Base64.getMimeDecoder().decode(base64);
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
    }

    private static void accepts(String name, String check, Check run) {
        try {
            run.run();
            System.out.println("ok " + name + " " + check);
        } catch (Exception refused) {
            fail(name, check, refused.toString());
        }
    }

    private static void refuses(String name, String check, Class<? extends Exception> kind, Check run) {
        try {
            run.run();
            fail(name, check, "accepted");
        } catch (Exception refused) {
            if (kind.isInstance(refused)) {
                System.out.println("ok " + name + " " + check);
            } else {
                fail(name, check, refused.toString());
            }
        }
    }

    private static void fail(String name, String check, String why) {
        failed = true;
        System.out.println("FAIL " + name + " " + check + ": " + why.replace('\n', ' '));
    }
}
