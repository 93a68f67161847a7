use super::*;

/// What passes of bytes that come in pieces of `piece`, and whether a line was refused.
fn pass(bytes: &[u8], piece: usize) -> (Vec<u8>, Strict) {
    let mut strict = Strict::default();
    let mut passed = Vec::new();
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let len = strict.pass(&mut piece);
        passed.extend_from_slice(&piece[..len]);
    }
    (passed, strict)
}

#[test]
fn what_is_sound_passes_as_it_is() {
    for message in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-LENGTH: \t3 \r\n\r\n\n\n\n",
        "POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\n\r\n\
         3;a=b\r\n\n\n\n\r\n0a \t\r\n0123456789\r\n0\r\nContent-Length: 9\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Lengths: 9\r\nContent: 9\r\nTransfer-Encodin: a\r\n\r\n",
    ] {
        for piece in 1..=message.len() {
            let twice = message.repeat(2);
            let (passed, strict) = pass(twice.as_bytes(), piece);
            assert_eq!(String::from_utf8_lossy(&passed), twice, "pieces of {piece}");
            assert_eq!(strict.at, At::Between, "{message:?}");
            let (_, strict) = pass(&message.as_bytes()[..20], piece);
            assert!(strict.is_in_head());
        }
    }
}

#[test]
fn nothing_behind_a_bare_lf_passes() {
    for (good, bad, part) in [
        ("", "\nGET / HTTP/1.1\r\n\r\n", Refused::Head),
        ("GET / HTTP/1.1", "\n\r\n", Refused::Head),
        ("GET / HTTP/1.1\r\n", "\nGET", Refused::Head),
        ("GET / HTTP/1.1\r\nContent-", "\nLength: 3\r\n\r\nabc", Refused::Head),
        ("GET / HTTP/1.1\r\nContent-Length: 3", "\n\r\n", Refused::Head),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n3", "\nabc\r\n", Refused::Body),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n3\r\nabc", "\n0", Refused::Body),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n0\r\n", "\n", Refused::Body),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n0\r\na: b", "\n\r\n", Refused::Body),
    ] {
        let all = format!("{good}{bad}");
        for piece in 1..=all.len() {
            let (passed, strict) = pass(all.as_bytes(), piece);
            assert_eq!(String::from_utf8_lossy(&passed), good, "pieces of {piece}");
            assert_eq!(strict.refused(), Some(part), "{all:?}");
            assert_eq!(strict.is_in_head(), part == Refused::Head);
        }
    }
}

#[test]
fn a_request_line_with_a_fragment_does_not_pass() {
    for (good, bad) in [
        ("GET /open?a=1", "#x HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("GET / HTTP/1.1\r\nHost: #\r\n\r\nGET /", "# HTTP/1.1\n\r\n"),
        ("", "#T / HTTP/1.1\r\n\r\n"),
        ("GET /", "#"),
    ] {
        let all = format!("{good}{bad}");
        for piece in 1..=all.len() {
            let (passed, strict) = pass(all.as_bytes(), piece);
            assert_eq!(String::from_utf8_lossy(&passed), good, "pieces of {piece}");
            assert_eq!(strict.refused(), Some(Refused::Target), "{all:?}");
            assert!(strict.is_in_head());
        }
    }
}

#[test]
fn empty_lines_before_a_request_line_are_dropped() {
    let sent =
        "\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n\r";
    let good = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    for piece in 1..=sent.len() {
        let (passed, strict) = pass(sent.as_bytes(), piece);
        assert_eq!(String::from_utf8_lossy(&passed), good, "pieces of {piece}");
        assert!(!strict.is_in_head() && strict.refused().is_none());
    }
}

#[test]
fn it_is_small_enough_for_a_parked_connection() {
    assert!(size_of::<Strict>() <= 16, "{}", size_of::<Strict>());
}

#[test]
fn a_length_is_found_in_any_case_and_in_no_other_bytes() {
    let plain = b"content-length:";
    assert!(is_content_length(plain) && is_content_length(b"CONTENT-Length:"));
    for at in 0..plain.len() {
        for byte in 0..=u8::MAX {
            let mut name = *plain;
            name[at] = byte;
            let is_it = byte.eq_ignore_ascii_case(&plain[at]);
            assert_eq!(is_content_length(&name), is_it, "{}", name.escape_ascii());
        }
    }
}
