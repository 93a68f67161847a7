//! What a code costs before and after its signature: reading the text, writing it, the seal. And
//! what it costs to read a body that carries one.

use std::hint::black_box;

use body::{At, CertType, Charset, Infno, Malformed, Pointers, check_type, walk};
use criterion::{Criterion, criterion_group, criterion_main};
use issuer::Issuer;
use keyring::code::UnverifiedCode;

mod envelopes;
mod issuer;

fn parse(criterion: &mut Criterion) {
    let issuer = Issuer::new();
    let code = issuer.code(1);
    let digits = code.to_digits();
    let key = issuer.key();
    assert!(key.opens(&code), "the benchmarked seal opens");

    let mut group = criterion.benchmark_group("parse");
    group.bench_function("parse", |b| b.iter(|| UnverifiedCode::parse(black_box(&digits))));
    group.bench_function("to_digits", |b| b.iter(|| black_box(&code).to_digits()));
    group.bench_function("seal_open", |b| b.iter(|| key.opens(black_box(&code))));
    group.finish();
}

/// The pointers of a route as a hospital's configuration has them.
struct Route {
    pointers: Pointers,
    infno: At,
    code: At,
    cert_type: CertType,
    institution: At,
    msgid: At,
}

impl Route {
    fn new() -> Self {
        let mut pointers = Pointers::default();
        let pointer = |text: &str| text.parse().expect("a pointer");
        let mut at = |text| pointers.add(&pointer(text));
        let (infno, code) = (at("/infno"), at("/input/data/mdtrt_cert_no"));
        let (institution, msgid) = (at("/fixmedins_code"), at("/msgid"));
        at("/input/data/omsgid");
        at("/input/druginfo/mdtrt_cert_no");
        at("/input/mdtrtinfo/mdtrt_cert_no");
        let cert_type = CertType::new(
            &mut pointers,
            &pointer("/input/data/mdtrt_cert_type"),
            vec!["01".to_owned()],
            vec!["02".to_owned(), "03".to_owned()],
        );
        let cert_type = cert_type.expect("lists that agree");
        Self { pointers, infno, code, cert_type, institution, msgid }
    }

    /// All that a route asks of a body. Returns the infno, and how long the code's text is.
    fn read(&self, charset: Charset, body: &[u8]) -> Result<(Infno, usize), Malformed> {
        let declared = check_type([&b"application/json;charset=UTF-8"[..]], [])?;
        let text = charset.decode(declared, body)?;
        let found = walk(&text, &self.pointers)?;
        let carries_code = self.cert_type.carries_code(&found)?;
        let code = found.text(self.code)?.filter(|_| carries_code);
        black_box((found.institution(self.institution)?, found.text(self.msgid)?));
        Ok((found.infno(self.infno)?, code.map_or(0, str::len)))
    }
}

fn bodies(criterion: &mut Criterion) {
    let route = Route::new();
    let settlement = envelopes::settlement();
    let in_a_string = envelopes::settlement_in_a_string();
    let fee_list = envelopes::fee_list();
    assert!((860..=880).contains(&settlement.len()), "{} bytes", settlement.len());
    assert!((26_000..=27_000).contains(&fee_list.len()), "{} bytes", fee_list.len());

    let mut group = criterion.benchmark_group("parse");
    for (name, charset, body, infno, letters) in [
        ("body_870", Charset::Utf8, &settlement, "2207", 40),
        ("body_870_in_a_string", Charset::Utf8, &in_a_string, "2207", 40),
        ("body_26k", Charset::Utf8, &fee_list, "2204", 0),
    ] {
        let body = body.as_bytes();
        let (read, length) = route.read(charset, body).expect("a good body");
        assert!(read.as_str() == infno && length == letters, "the benchmarked body is read");
        group.bench_function(name, |b| b.iter(|| route.read(charset, black_box(body))));
    }
    group.finish();
}

criterion_group!(benches, parse, bodies);
criterion_main!(benches);
