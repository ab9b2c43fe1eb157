import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * A program with mTLS as they are written in Java. Its key, certificate and trust bundle are in a folder, which it reads
 * again for every connection.
 *
 * <p>It prints the port on which it answers each line reversed. For each line "ADDRESS NAME" on standard input it
 * connects to the server of that name, exchanges a line, and prints "ok", or why not.
 */
public final class Consumer {
    private static final String QUESTION = "mutual trust";
    private static final String ANSWER = "tsurt lautum";
    private static final char[] PASSWORD = "changeit".toCharArray();
    private static final int PATIENCE = 60_000;

    private final Path folder;

    private Consumer(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] arguments) throws Exception {
        Consumer consumer = new Consumer(Path.of(arguments[0]));
        ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread serving = new Thread(() -> consumer.serve(listener));
        serving.setDaemon(true);
        serving.start();
        System.out.println(listener.getLocalPort());
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] target = line.split(" ");
            String[] address = target[0].split(":");
            System.out.println(consumer.dial(address[0], Integer.parseInt(address[1]), target[1]));
        }
    }

    private void serve(ServerSocket listener) {
        while (true) {
            try {
                Socket accepted = listener.accept();
                Thread replying = new Thread(() -> reply(accepted));
                replying.setDaemon(true);
                replying.start();
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void reply(Socket accepted) {
        try (SSLSocket socket = (SSLSocket) load().getSocketFactory().createSocket(accepted, null, true)) {
            socket.setUseClientMode(false);
            socket.setNeedClientAuth(true);
            socket.setSoTimeout(PATIENCE);
            String line = read(socket);
            write(socket, new StringBuilder(line).reverse().toString());
        } catch (Exception refused) {
            // The client sees it too, and reports it.
        }
    }

    private String dial(String host, int port, String name) {
        try (SSLSocket socket = (SSLSocket) load().getSocketFactory().createSocket()) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            parameters.setServerNames(List.of(new SNIHostName(name)));
            socket.setSSLParameters(parameters);
            socket.setSoTimeout(PATIENCE);
            byte[] loopback = InetAddress.getByName(host).getAddress();
            socket.connect(new InetSocketAddress(InetAddress.getByAddress(name, loopback), port), PATIENCE);
            write(socket, QUESTION);
            String answer = read(socket);
            return ANSWER.equals(answer) ? "ok" : "the answer is " + answer;
        } catch (Exception refused) {
            return refused.toString().replace('\n', ' ');
        }
    }

    private static String read(SSLSocket socket) throws IOException {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8)).readLine();
    }

    private static void write(SSLSocket socket, String line) throws IOException {
        socket.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().flush();
    }

    private SSLContext load() throws Exception {
        Certificate[] chain = certificates("tls.crt");
        KeyStore own = store();
        own.setKeyEntry("own", key(chain[0].getPublicKey().getAlgorithm()), PASSWORD, chain);
        KeyManagerFactory owning = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        owning.init(own, PASSWORD);
        KeyStore trust = store();
        Certificate[] roots = certificates("ca.crt");
        for (int number = 0; number < roots.length; number++) {
            trust.setCertificateEntry("root-" + number, roots[number]);
        }
        TrustManagerFactory trusting = TrustManagerFactory.getInstance("PKIX");
        trusting.init(trust);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(owning.getKeyManagers(), trusting.getTrustManagers(), null);
        return context;
    }

    private static KeyStore store() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    private Certificate[] certificates(String file) throws Exception {
        byte[] text = Files.readAllBytes(folder.resolve(file));
        return CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(text)).toArray(new Certificate[0]);
    }

    private PrivateKey key(String algorithm) throws Exception {
        String base64 = Files.readString(folder.resolve("tls.key")).replaceAll("-----[A-Z ]+-----", "");
        byte[] der = Base64.getMimeDecoder().decode(base64);
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
    }
}
