import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Pays a bill with a scanned code, and never charges twice when no answer comes.
 *
 * <pre>
 *   javac --release 11 -encoding UTF-8 Pay.java
 *   printf '%s\n' "$CODE" | java -Djdk.httpclient.disableRetryConnect=true Pay http://127.0.0.1:7460 B20261128-0001 12.30
 * </pre>
 *
 * Java 11 or later, nothing to install. Codes are read from standard input, one a line, as a scanner
 * types them. Standard output is the cashier's screen, standard error the log. Exit status: 0 paid; 1 not
 * paid, and nothing was charged; 3 open: not known whether the patient was charged.
 *
 * OFF  Repetition. Leave `jdk.httpclient.enableAllMethodRetry` unset: then only GET and HEAD are repeated.
 *      `-Djdk.httpclient.disableRetryConnect=true` also ends the second attempt to connect, which sends
 *      nothing. Both are options of the command line
 *      (https://docs.oracle.com/en/java/javase/22/docs/api/java.net.http/module-summary.html).
 * OFF  `HttpURLConnection`. It sends a POST a second time when the connection breaks, and without a word
 *      (https://bugs.java.com/bugdatabase/view_bug.do?bug_id=6427251). If you cannot do without it:
 *      `-Dsun.net.http.retryPost=false`.
 * OFF  Redirects and HTTP/2, which `HttpClient` would ask for with each request.
 * ON   Bodies of errors. `HttpClient` returns them as any other.
 * ON   A time limit of at least 60 s, over the whole answer. `HttpRequest.timeout` ends with the headers
 *      (https://bugs.openjdk.org/browse/JDK-8208693), so the limit stands at `CompletableFuture.get`.
 */
public final class Pay {
    static final String INSTITUTION = "H37010000001";
    // What the operator of your gateway tells you.
    static final String PAY = "/pay", QUERY = "/query", STATUS = "/yanma/redemptions";
    static final int ATTEMPTS = 3;
    // Longer than any request is under way: your gateway's `timeout_ms` is less.
    static final int UNDER_WAY_S = 60;

    /** FREE: not charged, scan a new code. STOP: not charged. OPEN: not known. AGAIN: send the same bytes. */
    enum Verdict { PAID, FREE, STOP, OPEN, AGAIN }

    /** No whole answer of the gateway came: what the request did is not known. */
    static final class NoAnswer extends Exception {
        private static final long serialVersionUID = 1;

        NoAnswer(String problem) {
            super(problem);
        }
    }

    static final class Answer {
        final int status;
        final String outcome, body;

        Answer(int status, String outcome, String body) {
            this.status = status;
            this.outcome = outcome;
            this.body = body;
        }

        /** A text, number or word of the JSON body, or "". Your JSON library does this better. */
        String member(String name) {
            String value = "\"((?:[^\"\\\\]++|\\\\.)*+)\"|([-\\w.]+)";
            Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*(?:" + value + ")").matcher(body);
            if (!found.find()) {
                return "";
            }
            return found.group(1) == null ? found.group(2) : unescaped(found.group(1));
        }

        String memberOr(String name, String other) {
            return member(name).isEmpty() ? other : member(name);
        }

        private static String unescaped(String text) {
            Matcher escape = Pattern.compile("\\\\(?:u([0-9a-fA-F]{4})|(.))").matcher(text);
            return escape.replaceAll(found -> Matcher.quoteReplacement(found.group(1) == null
                    ? found.group(2)
                    : String.valueOf((char) Integer.parseInt(found.group(1), 16))));
        }
    }

    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .proxy(HttpClient.Builder.NO_PROXY)
            .connectTimeout(Duration.ofSeconds(10))
            .build();
    private final String gateway, bill, amount;
    private final int seconds;
    private int requests;

    Pay(String gateway, String bill, String amount, int seconds) {
        this.gateway = gateway;
        this.bill = bill;
        this.amount = amount;
        this.seconds = seconds;
    }

    Verdict charge(String code) throws InterruptedException {
        boolean isUnknown = false;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Verdict verdict;
            try {
                verdict = judge(code, send(code));
                // The golden rule: a refusal says nothing about what was sent before it.
                if (isUnknown && (verdict == Verdict.FREE || verdict == Verdict.STOP)) {
                    verdict = findOut(code, "");
                }
            } catch (NoAnswer problem) {
                screen("NO ANSWER: " + problem.getMessage());
                isUnknown = true;
                verdict = findOut(code, "");
            }
            if (verdict != Verdict.AGAIN) {
                return verdict;
            }
            Thread.sleep(1_000);
        }
        return isUnknown ? Verdict.OPEN : Verdict.FREE;
    }

    Answer send(String code) throws NoAnswer, InterruptedException {
        // Your program stores the bill as "sent" before this line. After a crash it starts with the query
        // for such a bill: /query?institution=...&msgid=...
        String body = String.format(
                "{\"institution\":\"%s\",\"msgid\":\"%s\",\"amount\":\"%s\"}", INSTITUTION, bill, amount);
        // The same number and the same bytes each time: then a repetition is never forwarded.
        return ask(request(PAY)
                .header("Content-Type", "application/json")
                .header("Yanma-Code", code)
                .header("Idempotency-Key", '"' + bill + '"')
                .POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    Verdict judge(String code, Answer answer) throws InterruptedException {
        if (answer.outcome.equals("approved")) {
            // The settlement system's own answer. Only its clear yes is a yes.
            if (answer.status == 200 && answer.member("infcode").equals("0")) {
                return Verdict.PAID;
            }
            screen(answer.memberOr("err_msg", "status " + answer.status));
            return findOut(code, "");
        }
        screen(answer.memberOr("message_zh", "status " + answer.status));
        switch (answer.member("action")) {
            case "resend":
                return Verdict.AGAIN;
            case "rescan":
            case "patient":
                return Verdict.FREE;
            case "vendor":
            case "operator":
                return Verdict.STOP;
            default:
                // "query", "wait", and what a later version may add. After outcome_unknown the gateway has
                // done its part, so the query comes at once.
                boolean isOver = answer.outcome.equals("outcome_unknown");
                return findOut(code, isOver ? answer.member("redemption") : "");
        }
    }

    /** What became of a code that was sent. It charges nothing. */
    Verdict findOut(String code, String redemption) throws InterruptedException {
        try {
            if (!redemption.isEmpty()) {
                return query(redemption);
            }
            Answer fate = fate(code);
            if (fate.member("state").equals("not_seen")) {
                // `final` is false: the request may still arrive. The contract allows the very same request
                // again, and only that.
                return fate.member("final").equals("true") ? Verdict.FREE : Verdict.AGAIN;
            }
            return query(fate.member("redemption"));
        } catch (NoAnswer problem) {
            log("bill=" + bill + " not found out: " + problem.getMessage());
            return Verdict.OPEN;
        }
    }

    /** What the gateway knows of the code, once no request with it is under way. */
    Answer fate(String code) throws NoAnswer, InterruptedException {
        for (int second = 0; second < UNDER_WAY_S; second++) {
            Answer answer = ask(request(STATUS).header("Yanma-Code", code));
            String state = answer.member("state");
            log("bill=" + bill + " state=" + state);
            if (!answer.outcome.equals("approved") || state.isEmpty()) {
                throw new NoAnswer(answer.outcome);
            }
            if (!state.equals("running")) {
                return answer;
            }
            Thread.sleep(1_000);
        }
        throw new NoAnswer("the request is still under way");
    }

    /** What the settlement system has in its book. */
    Verdict query(String redemption) throws NoAnswer, InterruptedException {
        String value = URLEncoder.encode(redemption, StandardCharsets.UTF_8);
        Answer answer = ask(request(QUERY + "?redemption=" + value));
        if (!answer.outcome.equals("approved") || answer.status != 200) {
            throw new NoAnswer(answer.outcome);
        }
        String state = answer.member("state");
        log("bill=" + bill + " redemption=" + redemption + " book=" + state);
        if (state.equals("settled")) {
            if (answer.member("msgid").equals(bill) && answer.member("amount").equals(amount)) {
                return Verdict.PAID;
            }
            // A code that was shown twice: it has paid, but not this bill.
            screen("THIS CODE HAS PAID " + answer.member("msgid") + ", NOT " + bill);
            return Verdict.FREE;
        }
        if (Set.of("not_found", "refunded", "reversed").contains(state)) {
            // Where your platform asks for a reversal (2601) after an unknown outcome, send it here.
            screen(answer.memberOr("err_msg", state));
            return Verdict.FREE;
        }
        throw new NoAnswer("state " + state);
    }

    private HttpRequest.Builder request(String target) {
        requests++;
        // Your own number of this request: the gateway keeps it in its record.
        return HttpRequest.newBuilder(URI.create(gateway + target)).header("X-Request-Id", bill + "-" + requests);
    }

    /** One request, one answer. Nothing is sent a second time here. */
    private Answer ask(HttpRequest.Builder builder) throws NoAnswer, InterruptedException {
        HttpRequest request = builder.build();
        CompletableFuture<HttpResponse<String>> coming =
                client.sendAsync(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
        HttpResponse<String> received;
        try {
            received = coming.get(seconds, TimeUnit.SECONDS);
        } catch (ExecutionException problem) {
            throw new NoAnswer(problem.getCause().toString());
        } catch (TimeoutException problem) {
            coming.cancel(true);
            throw new NoAnswer("none in " + seconds + " s");
        }
        String outcome = received.headers().firstValue("Yanma-Outcome").orElse("");
        if (outcome.isEmpty()) {
            throw new NoAnswer("status " + received.statusCode() + " from another program than the gateway");
        }
        Answer answer = new Answer(received.statusCode(), outcome, received.body());
        String number = received.headers().firstValue("Yanma-Request-Id").orElse("-");
        log(request.method() + " " + request.uri().getPath() + " status=" + answer.status + " outcome=" + outcome
                + " request_id=" + number + " error_code=" + answer.memberOr("error_code", "-"));
        return answer;
    }

    // Windows and old Java write Chinese in the code page of the machine; this program writes UTF-8.
    private static final PrintStream SCREEN = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private static void screen(String text) {
        SCREEN.println(text);
    }

    private static void log(String text) {
        System.err.println(text);
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        if (arguments.length < 3 || arguments.length > 4) {
            log("usage: Pay GATEWAY BILL AMOUNT [SECONDS]");
            System.exit(64);
        }
        int seconds = arguments.length == 4 ? Integer.parseInt(arguments[3]) : 60;
        Pay till = new Pay(arguments[0], arguments[1], arguments[2], seconds);
        BufferedReader scanner = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = scanner.readLine(); line != null; line = scanner.readLine()) {
            String code = line.trim();
            if (!code.matches("[!-~]*")) {
                screen("NOT A CODE: switch the scanner's keyboard to English, and scan again");
                continue;
            }
            Verdict verdict = till.charge(code);
            if (verdict == Verdict.PAID) {
                screen("PAID " + till.bill + " " + till.amount);
                System.exit(0);
            }
            if (verdict == Verdict.OPEN) {
                screen("OPEN " + till.bill + ": not known whether it was charged. Query it, do not charge again");
                System.exit(3);
            }
            screen("NOT CHARGED " + till.bill);
            if (verdict == Verdict.STOP) {
                System.exit(1);
            }
        }
        System.exit(1);
    }
}
