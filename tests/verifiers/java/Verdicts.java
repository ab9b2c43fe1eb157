import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/**
 * Lets the trust manager of JSSE judge chains. Each line of the file it is given is a question: the files of chain, key
 * and roots, the role of the leaf ("server" or "client") and a time in seconds, with tabs between them. For each it
 * prints "accepted", or "refused: " and why.
 */
public final class Verdicts {
    public static void main(String[] arguments) throws Exception {
        for (String question : Files.readAllLines(Path.of(arguments[0]))) {
            try {
                judge(question.split("\t"));
                System.out.println("accepted");
            } catch (CertificateException refused) {
                System.out.println("refused: " + refused.toString().replace('\n', ' '));
            }
        }
    }

    private static void judge(String[] question) throws Exception {
        X509Certificate[] chain = certificates(question[0]).toArray(new X509Certificate[0]);
        Date at = new Date(Long.parseLong(question[4]) * 1000);
        X509TrustManager trusting = trusting(certificates(question[2]), at);
        if (question[3].equals("server")) {
            trusting.checkServerTrusted(chain, "ECDHE_ECDSA");
        } else {
            trusting.checkClientTrusted(chain, "EC");
        }
    }

    /** As a program has it that is given roots and nothing else: the longest path is the default of Java. */
    private static X509TrustManager trusting(List<X509Certificate> roots, Date at) throws Exception {
        KeyStore trust = KeyStore.getInstance("PKCS12");
        trust.load(null, null);
        for (int number = 0; number < roots.size(); number++) {
            trust.setCertificateEntry("root-" + number, roots.get(number));
        }
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(trust, new X509CertSelector());
        parameters.setRevocationEnabled(false);
        parameters.setDate(at);
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(new CertPathTrustManagerParameters(parameters));
        return (X509TrustManager) factory.getTrustManagers()[0];
    }

    private static List<X509Certificate> certificates(String file) throws Exception {
        List<X509Certificate> found = new ArrayList<>();
        byte[] text = Files.readAllBytes(Path.of(file));
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        factory.generateCertificates(new ByteArrayInputStream(text)).forEach(one -> found.add((X509Certificate) one));
        return found;
    }
}
