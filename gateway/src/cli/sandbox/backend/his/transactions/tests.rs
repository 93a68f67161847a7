use http::Request;

use super::*;

const REDEMPTION: (&str, &str) = ("yanma-redemption", "p1-1800000012-9401acfced36a6bc");
const OWN_CODE: &str = "4240123456789012345678370000";

/// The stand-in with its book, asked by one hospital.
struct Hospital {
    book: Book,
    messages: std::cell::Cell<u32>,
}

impl Hospital {
    fn new() -> Self {
        Self { book: Book::default(), messages: 0.into() }
    }

    fn next_msgid(&self) -> String {
        self.messages.set(self.messages.get() + 1);
        self.messages.get().to_string()
    }

    /// Asks with a message id of its own.
    fn ask(&self, infno: &str, input: Value, told: &[(&str, &str)]) -> Result<Value, Refused> {
        self.ask_as(&self.next_msgid(), infno, input, told)
    }

    fn ask_as(
        &self,
        msgid: &str,
        infno: &str,
        input: Value,
        told: &[(&str, &str)],
    ) -> Result<Value, Refused> {
        let name = MessageName { institution: "H37010000001".to_owned(), msgid: msgid.to_owned() };
        let Value::Object(input) = input else { panic!("input is an object") };
        let call = Call { infno: infno.to_owned(), name, input };
        carry_out(&call, &received(told), &self.book).map(|done| done.output)
    }

    fn settle(&self, msgid: &str, told: &[(&str, &str)]) -> Result<Value, Refused> {
        self.ask_as(msgid, "2207", json!({"data": card("01", "a-token")}), told)
    }

    fn reverse(&self, omsgid: &str) -> Result<Value, Refused> {
        self.ask("2601", json!({"data": {"omsgid": omsgid, "oinfno": "2207"}}), &[])
    }
}

fn received(told: &[(&str, &str)]) -> Received {
    let mut request = Request::post("/uif");
    for (name, value) in told {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    Received::new(&head, 0)
}

fn card(kind: &str, number: &str) -> Value {
    json!({"mdtrt_cert_type": kind, "mdtrt_cert_no": number})
}

#[test]
fn a_code_pays_only_with_its_redemption() {
    let hospital = Hospital::new();
    let plain = [("yanma-subject", "42"), ("yanma-pass-id", REDEMPTION.1)];
    assert_eq!(hospital.settle("1", &plain), Err(Refused::NotVouched));
    for infno in ["2102", "2304"] {
        let at = if infno == "2102" { "druginfo" } else { "data" };
        let refused = hospital.ask(infno, json!({at: card("01", "a-token")}), &plain);
        assert_eq!(refused, Err(Refused::NotVouched), "{infno}");
    }
    // It was refused, so the message was not spent.
    assert!(hospital.settle("1", &[REDEMPTION]).is_ok());
    assert!(hospital.settle("2", &[("yanma-class", "opaque")]).is_ok());
    assert_eq!(hospital.settle("3", &[("yanma-class", "dark")]), Err(Refused::NotVouched));
    let empty = [("yanma-redemption", "")];
    assert_eq!(hospital.settle("3", &empty), Err(Refused::NotVouched));
    for plastic in ["02", "03"] {
        let card = card(plastic, "370102199001011234");
        assert!(hospital.ask("2207", json!({ "data": card }), &[]).is_ok());
    }
    for card in [json!({}), card("1", "a-token"), card("01", ""), card("", "a-token")] {
        let refused = hospital.ask("2207", json!({ "data": card }), &[REDEMPTION]).unwrap_err();
        assert_eq!(refused.infcode(), 1, "{card}");
    }
}

#[test]
fn a_token_of_its_own_decoding_is_vouched_for_and_a_pass_is_not() {
    let hospital = Hospital::new();
    let scan = json!({"data": {"ecQrCode": OWN_CODE}});
    let own = hospital.ask("1162", scan.clone(), &[]).unwrap();
    let token = own["data"]["ecToken"].as_str().unwrap();
    let paid = hospital.ask("2207", json!({"data": card("01", token)}), &[]);
    assert!(paid.is_ok(), "{paid:?}");

    let pass = "2790s501nkyetdn6qhhz9y63ycgwchz89gjjxwfr";
    let told = [("yanma-pass", pass), ("yanma-region", "370100"), ("yanma-patient", "42/1")];
    let data = &hospital.ask("1162", scan, &told).unwrap()["data"];
    assert_eq!(data["ecToken"], pass);
    assert_eq!((&data["insuOrg"], &data["ecIndexNo"]), (&json!("370100"), &json!("42/1")));
    let refused = hospital.ask("2207", json!({"data": card("01", pass)}), &[]);
    assert_eq!(refused, Err(Refused::NotVouched));
}

#[test]
fn what_is_no_code_is_not_decoded() {
    let hospital = Hospital::new();
    let scan = |text: Value| hospital.ask("1162", json!({"data": {"ecQrCode": text}}), &[]);
    assert!(scan("0".repeat(255).into()).is_ok());
    let others = [
        json!("134567890123456789"),
        json!(null),
        json!("4250123456789012345678370000"),
        json!("0".repeat(254)),
        json!("a".repeat(255)),
    ];
    for other in others {
        assert_eq!(scan(other.clone()), Err(Refused::NotACode), "{other}");
    }
    assert_eq!(scan("0".repeat(256).into()).unwrap_err().infcode(), 1);
}

#[test]
fn a_visit_settles_what_its_presettlement_said() {
    let hospital = Hospital::new();
    let told = [("yanma-patient", "42"), ("yanma-region", "330100"), REDEMPTION];
    let person = hospital.ask("1101", json!({"data": card("01", "t")}), &told).unwrap();
    assert_eq!(person["baseinfo"]["psn_no"], "42");
    assert_eq!(person["insuinfo"][0]["insuplc_admdvs"], "330100");
    let visit = hospital.ask("2201", json!({"data": {"psn_no": "42"}}), &[]).unwrap();
    let mut data = card("01", "t");
    data["mdtrt_id"] = visit["data"]["mdtrt_id"].clone();
    data["medfee_sumamt"] = json!(100.0);
    let before = hospital.ask("2206", json!({ "data": data }), &[]).unwrap();
    assert_eq!(before["setlinfo"]["psn_cash_pay"], "85.00");
    let after = hospital.ask("2207", json!({ "data": data }), &told).unwrap();
    for same in ["psn_cash_pay", "fund_pay_sumamt", "mdtrt_id"] {
        assert_eq!(after["setlinfo"][same], before["setlinfo"][same], "{same}");
    }
    assert!(before["setlinfo"]["setl_id"].is_null());
    let setl_id = after["setlinfo"]["setl_id"].clone();
    let refund = json!({"data": {"setl_id": setl_id}});
    let refunded = hospital.ask("2208", refund.clone(), &[]).unwrap();
    assert_eq!(refunded["setlinfo"]["medfee_sumamt"], "-100.00");
    assert!(matches!(hospital.ask("2208", refund.clone(), &[]), Err(Refused::Refunded { .. })));
    assert_eq!(hospital.ask("2305", refund, &[]), Err(Refused::NoSettlement));
}

#[test]
fn a_double_is_refused_and_a_reversal_can_be_repeated() {
    let hospital = Hospital::new();
    assert_eq!(hospital.reverse("a"), Err(Refused::NoOriginal));
    hospital.settle("a", &[REDEMPTION]).unwrap();
    assert!(matches!(hospital.settle("a", &[REDEMPTION]), Err(Refused::Duplicate { .. })));
    assert!(matches!(hospital.settle("b", &[REDEMPTION]), Err(Refused::RedemptionUsed { .. })));
    for _ in 0..2 {
        assert_eq!(hospital.reverse("a"), Ok(json!({})));
    }
    assert_eq!(hospital.reverse("b"), Err(Refused::NoOriginal));
}

#[test]
fn what_it_cannot_do_is_said() {
    let hospital = Hospital::new();
    assert_eq!(hospital.ask("2299", json!({}), &[]), Err(Refused::UnknownTransaction));
    for infno in ["1162", "1101", "2201", "2206", "2102", "2207", "2208", "2601"] {
        for input in [json!({}), json!({"data": 1, "druginfo": []}), json!({"data": "{"})] {
            let refused = hospital.ask(infno, input, &[REDEMPTION]).unwrap_err();
            assert_eq!(refused.infcode(), 1, "{infno}");
        }
    }
    let mut data = card("01", "t");
    data["medfee_sumamt"] = json!("1.005");
    let refused = hospital.ask("2207", json!({ "data": data }), &[REDEMPTION]).unwrap_err();
    assert!(refused.to_string().contains("medfee_sumamt"), "{refused}");
}
