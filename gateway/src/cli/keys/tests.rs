use super::*;
use crate::cli::tests::testing::{DAY_MS, Issuer, NOW};

fn row(issuer: &Issuer, now: UnixMillis) -> Vec<String> {
    let mut out = Vec::new();
    write_table(&issuer.keys(), now, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let [_heading, row] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    row.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_table_says_how_long_a_key_lasts() {
    let issuer = Issuer::new();
    assert_eq!(
        row(&issuer, NOW),
        [
            "7001",
            "wechat",
            "ES256",
            "active",
            "2027-01-14T08:00:00.000Z",
            "2027-01-25T08:00:00.000Z",
            "10",
            "production",
        ]
    );
    let last = NOW.plus_ms(10 * DAY_MS);
    for (now, days) in
        [(NOW.plus_ms(1), "9"), (last.plus_ms(-1), "0"), (last, "over"), (last.plus_ms(1), "over")]
    {
        assert_eq!(row(&issuer, now)[6], days);
    }
    issuer.set_state(KeyState::Revoked);
    assert_eq!(row(&issuer, NOW)[6], "-");
}
