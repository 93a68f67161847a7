using System;
using System.IO;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;

// Pays a bill with a scanned code, and never charges twice when no answer comes.
//
//   csc Pay.cs          with Mono: mcs -langversion:5 Pay.cs
//   printf '%s\n' "$CODE" | mono Pay.exe http://127.0.0.1:7460 B20261128-0001 12.30
//
// .NET Framework 4.5 or later, or Mono; nothing to install. Codes are read from standard input, one a
// line, as a scanner types them. Standard output is the cashier's screen, standard error the log. Exit
// status: 0 paid; 1 not paid, and nothing was charged; 3 open: not known whether the patient was charged.
//
// OFF  Kept connections (KeepAlive). The gateway closes an idle one without a word (idle_ms), and a request
//      that meets this has no answer. A till pays seldom, so each request has a connection of its own
//      (https://learn.microsoft.com/dotnet/api/system.net.httpwebrequest.keepalive).
// OFF  Repetition: without AllowWriteStreamBuffering there is no copy of the body to send again. And redirects
//      (https://learn.microsoft.com/dotnet/api/system.net.httpwebrequest.allowwritestreambuffering).
// OFF  Expect: 100-continue, which costs a round trip and up to 350 ms for each payment
//      (https://learn.microsoft.com/dotnet/api/system.net.servicepointmanager.expect100continue).
// OFF  The proxy of Internet Explorer, which HttpWebRequest takes unless Proxy is null.
// ON   Bodies of errors. GetResponse throws for 4xx and 5xx; the answer is WebException.Response
//      (https://learn.microsoft.com/dotnet/api/system.net.webexception.response).
// ON   TLS 1.2, which .NET 4.5 has and does not use by itself.
// ON   A time limit of at least 60 s. Timeout ends with the headers; ReadWriteTimeout, 5 minutes unless you
//      say less, is for the body.
//
// HttpClient of .NET 4.5 stands on HttpWebRequest: the same holds for it.
public sealed class Pay
{
    const string Institution = "H37010000001";
    // What the operator of your gateway tells you.
    const string PayPath = "/pay", QueryPath = "/query", StatusPath = "/yanma/redemptions";
    const int Attempts = 3;
    // Longer than any request is under way: your gateway's timeout_ms is less.
    const int UnderWaySeconds = 60;

    // Free: not charged, scan a new code. Stop: not charged. Open: not known. Again: send the same bytes.
    enum Verdict { Paid, Free, Stop, Open, Again }

    // No whole answer of the gateway came: what the request did is not known.
    sealed class NoAnswer : Exception
    {
        public NoAnswer(string problem) : base(problem) { }
    }

    sealed class Answer
    {
        public int Status;
        public string Outcome, Body;

        // A text, number or word of the JSON body, or "". Your JSON library does this better.
        public string Member(string name)
        {
            string value = "(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([-\\w.]+))";
            Match found = Regex.Match(Body, "\"" + name + "\"\\s*:\\s*" + value);
            return found.Groups[1].Success ? Unescaped(found.Groups[1].Value) : found.Groups[2].Value;
        }

        public string MemberOr(string name, string other)
        {
            return Member(name) == "" ? other : Member(name);
        }

        static string Unescaped(string text)
        {
            return Regex.Replace(text, @"\\(?:u([0-9a-fA-F]{4})|(.))", found => found.Groups[1].Success
                ? ((char)Convert.ToInt32(found.Groups[1].Value, 16)).ToString()
                : found.Groups[2].Value);
        }
    }

    readonly string gateway, bill, amount;
    readonly int seconds;
    int requests;

    Pay(string gateway, string bill, string amount, int seconds)
    {
        this.gateway = gateway;
        this.bill = bill;
        this.amount = amount;
        this.seconds = seconds;
    }

    Verdict Charge(string code)
    {
        bool isUnknown = false;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            Verdict verdict;
            try
            {
                verdict = Judge(code, Send(code));
                // The golden rule: a refusal says nothing about what was sent before it.
                if (isUnknown && (verdict == Verdict.Free || verdict == Verdict.Stop))
                    verdict = FindOut(code, "");
            }
            catch (NoAnswer problem)
            {
                Screen("NO ANSWER: " + problem.Message);
                isUnknown = true;
                verdict = FindOut(code, "");
            }
            if (verdict != Verdict.Again)
                return verdict;
            Thread.Sleep(1000);
        }
        return isUnknown ? Verdict.Open : Verdict.Free;
    }

    Answer Send(string code)
    {
        // Your program stores the bill as "sent" before this line. After a crash it starts with the query
        // for such a bill: /query?institution=...&msgid=...
        HttpWebRequest request = Request(PayPath);
        request.Method = "POST";
        request.ContentType = "application/json";
        request.Headers["Yanma-Code"] = code;
        // The same number and the same bytes each time: then a repetition is never forwarded.
        request.Headers["Idempotency-Key"] = '"' + bill + '"';
        return Ask(request, string.Format(
            "{{\"institution\":\"{0}\",\"msgid\":\"{1}\",\"amount\":\"{2}\"}}", Institution, bill, amount));
    }

    Verdict Judge(string code, Answer answer)
    {
        if (answer.Outcome == "approved")
        {
            // The settlement system's own answer. Only its clear yes is a yes.
            if (answer.Status == 200 && answer.Member("infcode") == "0")
                return Verdict.Paid;
            Screen(answer.MemberOr("err_msg", "status " + answer.Status));
            return FindOut(code, "");
        }
        Screen(answer.MemberOr("message_zh", "status " + answer.Status));
        switch (answer.Member("action"))
        {
            case "resend":
                return Verdict.Again;
            case "rescan":
            case "patient":
                return Verdict.Free;
            case "vendor":
            case "operator":
                return Verdict.Stop;
            default:
                // "query", "wait", and what a later version may add. After outcome_unknown the gateway has
                // done its part, so the query comes at once.
                bool isOver = answer.Outcome == "outcome_unknown";
                return FindOut(code, isOver ? answer.Member("redemption") : "");
        }
    }

    // What became of a code that was sent. It charges nothing.
    Verdict FindOut(string code, string redemption)
    {
        try
        {
            if (redemption != "")
                return Query(redemption);
            Answer fate = Fate(code);
            // `final` is false: the request may still arrive. The contract allows the very same request
            // again, and only that.
            if (fate.Member("state") == "not_seen")
                return fate.Member("final") == "true" ? Verdict.Free : Verdict.Again;
            return Query(fate.Member("redemption"));
        }
        catch (NoAnswer problem)
        {
            Log("bill=" + bill + " not found out: " + problem.Message);
            return Verdict.Open;
        }
    }

    // What the gateway knows of the code, once no request with it is under way.
    Answer Fate(string code)
    {
        for (int second = 0; second < UnderWaySeconds; second++)
        {
            HttpWebRequest request = Request(StatusPath);
            request.Headers["Yanma-Code"] = code;
            Answer answer = Ask(request, null);
            string state = answer.Member("state");
            Log("bill=" + bill + " state=" + state);
            if (answer.Outcome != "approved" || state == "")
                throw new NoAnswer(answer.Outcome);
            if (state != "running")
                return answer;
            Thread.Sleep(1000);
        }
        throw new NoAnswer("the request is still under way");
    }

    // What the settlement system has in its book.
    Verdict Query(string redemption)
    {
        Answer answer = Ask(Request(QueryPath + "?redemption=" + Uri.EscapeDataString(redemption)), null);
        if (answer.Outcome != "approved" || answer.Status != 200)
            throw new NoAnswer(answer.Outcome);
        string state = answer.Member("state");
        Log("bill=" + bill + " redemption=" + redemption + " book=" + state);
        switch (state)
        {
            case "settled":
                if (answer.Member("msgid") == bill && answer.Member("amount") == amount)
                    return Verdict.Paid;
                // A code that was shown twice: it has paid, but not this bill.
                Screen("THIS CODE HAS PAID " + answer.Member("msgid") + ", NOT " + bill);
                return Verdict.Free;
            case "not_found":
            case "refunded":
            case "reversed":
                // Where your platform asks for a reversal (2601) after an unknown outcome, send it here.
                Screen(answer.MemberOr("err_msg", state));
                return Verdict.Free;
            default:
                throw new NoAnswer("state " + state);
        }
    }

    HttpWebRequest Request(string target)
    {
        requests++;
        var request = (HttpWebRequest)WebRequest.Create(gateway + target);
        request.KeepAlive = false;
        request.AllowWriteStreamBuffering = false;
        request.AllowAutoRedirect = false;
        request.Proxy = null;
        request.Timeout = seconds * 1000;
        request.ReadWriteTimeout = seconds * 1000;
        // Your own number of this request: the gateway keeps it in its record.
        request.Headers["X-Request-Id"] = bill + "-" + requests;
        return request;
    }

    // One request, one answer. Nothing is sent a second time here.
    static Answer Ask(HttpWebRequest request, string body)
    {
        try
        {
            if (body != null)
            {
                byte[] bytes = Encoding.UTF8.GetBytes(body);
                request.ContentLength = bytes.Length;
                using (Stream stream = request.GetRequestStream())
                    stream.Write(bytes, 0, bytes.Length);
            }
            using (HttpWebResponse received = Received(request))
            {
                string outcome = received.Headers["Yanma-Outcome"];
                int status = (int)received.StatusCode;
                if (outcome == null)
                    throw new NoAnswer("status " + status + " from another program than the gateway");
                var answer = new Answer { Status = status, Outcome = outcome, Body = Text(received) };
                Log(string.Format("{0} {1} status={2} outcome={3} request_id={4} error_code={5}",
                    request.Method, request.RequestUri.AbsolutePath, status, outcome,
                    received.Headers["Yanma-Request-Id"], answer.MemberOr("error_code", "-")));
                return answer;
            }
        }
        catch (WebException problem)
        {
            throw new NoAnswer(problem.Status + " " + problem.Message);
        }
        catch (IOException problem)
        {
            throw new NoAnswer(problem.Message);
        }
    }

    static HttpWebResponse Received(HttpWebRequest request)
    {
        try
        {
            return (HttpWebResponse)request.GetResponse();
        }
        catch (WebException problem)
        {
            if (problem.Response == null)
                throw;
            return (HttpWebResponse)problem.Response;
        }
    }

    static string Text(HttpWebResponse received)
    {
        var bytes = new MemoryStream();
        using (Stream stream = received.GetResponseStream())
            stream.CopyTo(bytes);
        if (received.ContentLength >= 0 && received.ContentLength != bytes.Length)
            throw new NoAnswer("half of an answer");
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    static void Screen(string text)
    {
        Console.WriteLine(text);
    }

    static void Log(string text)
    {
        Console.Error.WriteLine(text);
    }

    public static int Main(string[] arguments)
    {
        if (arguments.Length < 3 || arguments.Length > 4)
        {
            Log("usage: Pay GATEWAY BILL AMOUNT [SECONDS]");
            return 64;
        }
        Console.OutputEncoding = new UTF8Encoding(false);
        ServicePointManager.Expect100Continue = false;
        ServicePointManager.SecurityProtocol |= SecurityProtocolType.Tls12;
        int seconds = arguments.Length == 4 ? int.Parse(arguments[3]) : 60;
        var till = new Pay(arguments[0], arguments[1], arguments[2], seconds);
        for (string line = Console.ReadLine(); line != null; line = Console.ReadLine())
        {
            string code = line.Trim();
            if (!Regex.IsMatch(code, "^[!-~]*$"))
            {
                Screen("NOT A CODE: switch the scanner's keyboard to English, and scan again");
                continue;
            }
            Verdict verdict = till.Charge(code);
            if (verdict == Verdict.Paid)
            {
                Screen("PAID " + till.bill + " " + till.amount);
                return 0;
            }
            if (verdict == Verdict.Open)
            {
                Screen("OPEN " + till.bill + ": not known whether it was charged. Query it, do not charge again");
                return 3;
            }
            Screen("NOT CHARGED " + till.bill);
            if (verdict == Verdict.Stop)
                return 1;
        }
        return 1;
    }
}
