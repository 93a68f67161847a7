//! A request as a developer would write it: HTTP, curl, Java, C#, Python.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::cli::sandbox::pages::messages::Call;

/// All of them, by name.
pub(super) fn samples(gateway: SocketAddr, call: &Call) -> Value {
    let plain = Plain::of(gateway, call);
    json!({
        "HTTP": plain.http(gateway),
        "curl": plain.curl(),
        "Java 11": plain.java(),
        "C#": plain.csharp(),
        "Python": plain.python(),
    })
}

/// A request as text.
struct Plain {
    method: String,
    target: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Plain {
    fn of(gateway: SocketAddr, call: &Call) -> Self {
        let text = |(name, value): &(http::HeaderName, http::HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            method: call.method.to_string(),
            target: call.target.clone(),
            url: format!("http://{gateway}{}", call.target),
            headers: call.headers.iter().map(text).collect(),
            body: String::from_utf8_lossy(&call.body).into_owned(),
        }
    }

    fn http(&self, gateway: SocketAddr) -> String {
        let mut text = format!("{} {} HTTP/1.1\nhost: {gateway}\n", self.method, self.target);
        for (name, value) in &self.headers {
            let _ = writeln!(text, "{name}: {value}");
        }
        if !self.body.is_empty() {
            let _ = writeln!(text, "content-length: {}", self.body.len());
        }
        text + "\n" + &self.body
    }

    fn curl(&self) -> String {
        let word = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let mut text = format!("curl -sS -i --max-time 60 {}", word(&self.url));
        for (name, value) in &self.headers {
            let _ = write!(text, " \\\n  -H {}", word(&format!("{name}: {value}")));
        }
        if !self.body.is_empty() {
            let _ = write!(text, " \\\n  --data-binary {}", word(&self.body));
        }
        text
    }

    fn java(&self) -> String {
        let mut text = format!(
            "// Leave jdk.httpclient.enableAllMethodRetry unset, and set -Djdk.httpclient.disableRetryConnect=true.\n\
             HttpRequest request = HttpRequest.newBuilder(URI.create({}))\n    \
             .timeout(Duration.ofSeconds(60))\n",
            quoted(&self.url)
        );
        for (name, value) in &self.headers {
            let _ = writeln!(text, "    .header({}, {})", quoted(name), quoted(value));
        }
        let _ = if self.body.is_empty() {
            writeln!(text, "    .GET().build();")
        } else {
            let body = quoted(&self.body);
            writeln!(text, "    .POST(HttpRequest.BodyPublishers.ofString({body})).build();")
        };
        text + "HttpResponse<String> answer = HttpClient.newHttpClient()\n    \
                .send(request, HttpResponse.BodyHandlers.ofString());\n\
                String outcome = answer.headers().firstValue(\"Yanma-Outcome\").orElse(\"\");\n"
    }

    fn csharp(&self) -> String {
        let mut text = format!(
            "var client = new HttpClient {{ Timeout = TimeSpan.FromSeconds(60) }};\n\
             var request = new HttpRequestMessage(new HttpMethod({}), {});\n",
            quoted(&self.method),
            quoted(&self.url)
        );
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "content-type") {
            let _ = writeln!(text, "request.Headers.Add({}, {});", quoted(name), quoted(value));
        }
        if !self.body.is_empty() {
            let body = quoted(&self.body);
            let _ = writeln!(
                text,
                "request.Content = new StringContent({body}, Encoding.UTF8, \"application/json\");"
            );
        }
        text + "// An error's body holds the sentence for the cashier: read it, whatever the status.\n\
                var answer = await client.SendAsync(request);\n\
                var text = await answer.Content.ReadAsStringAsync();\n"
    }

    fn python(&self) -> String {
        let mut text = "import http.client, urllib.parse\n".to_owned();
        let _ = writeln!(text, "url = urllib.parse.urlsplit({})", quoted(&self.url));
        text += "line = http.client.HTTPConnection(url.hostname, url.port, timeout=60)\n";
        let headers: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{}: {}", quoted(name), quoted(value)))
            .collect();
        let _ = writeln!(
            text,
            "line.request({}, {}, body={}.encode(), headers={{{}}})",
            quoted(&self.method),
            quoted(&self.target),
            quoted(&self.body),
            headers.join(", ")
        );
        text + "answer = line.getresponse()\n\
                print(answer.status, answer.getheader(\"Yanma-Outcome\"), answer.read().decode())\n"
    }
}

/// A text in quotes: JSON's escapes mean the same in all three languages.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue, Method};

    use super::*;

    #[test]
    fn quotes_in_a_body_end_no_text() {
        let call = Call {
            method: Method::POST,
            target: "/uif".to_owned(),
            headers: vec![(
                HeaderName::from_static("idempotency-key"),
                HeaderValue::from_static("\"it's\""),
            )],
            body: r#"{"a":"it's \"é\""}"#.into(),
        };
        let samples = samples("127.0.0.1:7460".parse().unwrap(), &call);
        let text = |name: &str| samples[name].as_str().unwrap().to_owned();
        assert!(text("curl").contains(r#"--data-binary '{"a":"it'\''s \"é\""}'"#), "{samples}");
        for name in ["Java 11", "C#", "Python"] {
            assert!(text(name).contains(r#""{\"a\":\"it's \\\"é\\\"\"}""#), "{samples}");
        }
        assert!(text("HTTP").starts_with("POST /uif HTTP/1.1\nhost: 127.0.0.1:7460\n"));
    }
}
