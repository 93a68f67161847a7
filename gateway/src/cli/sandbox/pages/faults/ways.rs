//! How each reason is met: in words, and as a request that the switchboard sends.

use std::{fmt::Write as _, rc::Rc};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{CONTENT_TYPE, EXPECT},
};
use keyring::code::{Auth, IssuedAt, Kind, Kinds, Region, Subject};
use keyring::mint::Spoil;
use keyring::pass::Institution;
use keyring::verify::{Rules, TimeRules};
use serde_json::{Value, json};

use super::scanner::{self, OPAQUE, WECHAT_PAY};
use super::slow_body;
use crate::cli::codes::order::Order;
use crate::cli::sandbox::pages::{
    messages::{Call, Exchange, Problem},
    site::Site,
};
use crate::limits;
use crate::refusal::Refusal;

const CODE: HeaderName = HeaderName::from_static("yanma-code");
const PASS: HeaderName = HeaderName::from_static("yanma-pass");
const FAULT: HeaderName = HeaderName::from_static("sandbox-fault");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// People of whom only these requests are made: none of them disturbs a phone.
const SUBJECT: u64 = 4_301;
/// Longer than a pass lives.
const PASS_AGE_S: u32 = 1_000;

/// How a reason is met.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// A request of the switchboard, and the same in words.
    Ask(&'static str, &'static str),
    /// Only by hand, or on other machines.
    Elsewhere(&'static str, &'static str),
    /// This version never answers it.
    NotProduced,
}

/// How each reason is met, in English and in Chinese.
pub(super) const fn way(refusal: Refusal) -> Way {
    use Refusal::*;
    use Way::{Ask, Elsewhere, NotProduced};
    match refusal {
        CodeMissing => Ask("Pay without a code.", "不带码付款。"),
        CodeMalformed => Ask("Scan half a code.", "只扫到半个码。"),
        WrongCodeType => Ask("Scan WeChat Pay's own code.", "扫微信付款码。"),
        DisplayCodeNotPayable => Ask("Pay with a display code.", "用展示码付款。"),
        AuthTooWeak => Ask(
            "Use a password where a fingerprint or the face is asked for.",
            "在要求指纹或刷脸的业务上用密码。",
        ),
        CodeNotServed => Ask("Scan the national platform's own code.", "扫国家平台的码。"),
        PaymentCodeNotAccepted => Ask(
            "Use a payment code where information is checked.",
            "在只核对信息的业务上用支付码。",
        ),
        FormatNotSupported => {
            Ask("Scan a code of another format version.", "扫另一个版本格式的码。")
        }
        KeyUnknown => Ask("Scan a code of a key that no gateway knows.", "扫未知密钥的码。"),
        SignatureInvalid => Ask("Scan a code that its key did not sign.", "扫签名是伪造的码。"),
        SealInvalid => {
            Ask("Scan a code made with a stolen signing key alone.", "扫只用被盗签名密钥做的码。")
        }
        KeyRevoked => Ask("Scan a code of a revoked key.", "扫已吊销密钥的码。"),
        KeyNotActive => Ask("Scan a code that is older than its key.", "扫比密钥还早的码。"),
        CodeExpired => Ask("Scan a code of two minutes ago.", "扫两分钟前的码。"),
        CodeNotYetValid => Ask(
            "Scan a code of a phone whose clock is a minute ahead.",
            "扫时钟快一分钟的手机的码。",
        ),
        ClockSuspect => Ask(
            "Scan a code of a phone whose clock is an hour ahead.",
            "扫时钟快一小时的手机的码。",
        ),
        CodeUsed => Ask(
            "Pay with a code, then pay something else with it.",
            "付款之后用同一个码再付另一笔。",
        ),
        RequestInFlight => {
            Ask("Send a payment again while it is under way.", "付款还在进行时再发送一次。")
        }
        IdempotencyMismatch => {
            Ask("Send another amount under the same bill number.", "用同一个交易号提交另一个金额。")
        }
        AccountFrozen => Ask("Pay from an account that is frozen.", "用已冻结的账户付款。"),
        DeviceUnbound => Ask("Pay with a phone that is unbound.", "用已解绑的手机付款。"),
        FamilyMemberRemoved => {
            Ask("Pay for a family member who was removed.", "为已解除的亲情账户付款。")
        }
        AccountNotReady => Ask("Pay the day after enrolling.", "刚参保、信息还没同步就付款。"),
        RegionMissing => Ask("Pay before a place of insurance is chosen.", "没选参保地就付款。"),
        RegionNotOpen => Ask("Pay from a place that is not open.", "用尚未开通的参保地付款。"),
        RouteNotFound => Ask("Ask for a path that is no route.", "请求一个不存在的接口地址。"),
        RequestTooLarge => Ask("Send more than a MiB.", "提交超过 1 MiB 的内容。"),
        RequestTimeout => Ask("Begin a body and never end it.", "请求体发了一半就停。"),
        InstitutionNotAllowed => {
            Ask("Ask what became of another one's redemption.", "查询别的机构的核销结果。")
        }
        RequestMalformed => {
            Ask("Ask for a path with a way around the routes.", "请求绕过路由的路径。")
        }
        HeadersTooLarge => Ask("Send 70 header lines.", "发送 70 行请求头。"),
        MethodNotAllowed => Ask("Pay by PUT.", "用 PUT 付款。"),
        ExpectationFailed => Ask("Expect tea.", "发送 Expect: tea。"),
        Maintenance => Ask("Pay while the backend is in maintenance.", "后端维护时付款。"),
        BackendUnreachable => Ask("Pay while nothing listens there.", "后端没有监听时付款。"),
        OutcomeUnknown => Ask("Pay while the backend never answers.", "后端不应答时付款。"),
        PassInvalid => Ask("Use a pass that no key of ours made.", "使用不是本网关发的通行证。"),
        PassExpired => Ask("Use a pass after its quarter of an hour.", "通行证超过一刻钟再用。"),
        PassUsed => Ask("Settle twice with one scan.", "一次扫码结算两次。"),
        WarmingUp => Elsewhere(
            "Switch the table of 8 slots off, and on again after a minute: its gateway has started anew.",
            "把只有 8 格的表关闭，一分钟后再开启：那个网关重新启动了。",
        ),
        ReplayFull => Elsewhere(
            "Switch on the table of 8 slots and pay nine times within a minute.",
            "开启只有 8 格的表，一分钟内付九次。",
        ),
        Overloaded => Elsewhere(
            "Needs more requests at once than the gateway takes (8,192).",
            "需要同时超过网关上限（8,192）的请求。",
        ),
        ReplayStoreUnavailable => Elsewhere(
            "Needs nodes that share registers, and most of these down.",
            "需要共享寄存器的多节点，且多数寄存器停机。",
        ),
        AccountStateUnavailable => {
            Elsewhere("Needs a store of account states that hangs.", "需要账户状态库停滞。")
        }
        RateLimited => NotProduced,
        InternalError => Elsewhere("Needs a bug of the gateway.", "需要网关自身的缺陷。"),
    }
}

/// Sends the request that meets a reason. `None`: there is none.
///
/// # Errors
/// Something that it needs is not there.
pub(super) async fn meet(site: &Rc<Site>, refusal: Refusal) -> Result<Option<Exchange>, Problem> {
    use Refusal::*;
    let asks = |code: String| site.ask_gateway(pay("/pay", &code));
    let exchange = match refusal {
        CodeMissing => site.ask_gateway(post("/pay")).await,
        CodeMalformed => asks("0506655003963680".to_owned()).await,
        WrongCodeType => asks(WECHAT_PAY.to_owned()).await,
        CodeNotServed => asks(OPAQUE.to_owned()).await,
        // The first of 15 groups holds the version in its highest bits; here it is 2.
        FormatNotSupported => asks(format!("{:017}{:0238}", 0x22_u64 << 48, 0)).await,
        KeyUnknown => asks(scanner::spoiled(site, Spoil::Key)).await,
        SignatureInvalid => asks(scanner::spoiled(site, Spoil::Signature)).await,
        SealInvalid => asks(scanner::spoiled(site, Spoil::Seal)).await,
        KeyRevoked => asks(scanner::revoked(site)?).await,
        KeyNotActive => {
            asks(code(site, |order| order.spec.issued_at = IssuedAt::new(1_577_836_800))).await
        }
        CodeExpired => asks(code_of_age(site, 120)).await,
        CodeNotYetValid => asks(code_of_age(site, -60)).await,
        ClockSuspect => asks(code_of_age(site, -3_600)).await,
        DisplayCodeNotPayable => asks(code(site, |order| order.spec.kind = Kind::Display)).await,
        RegionMissing => asks(code(site, |order| order.spec.region = region(0))).await,
        RegionNotOpen => {
            let code = code(site, |order| order.spec.region = region(440_300));
            site.ask_gateway(pay("/pay-in-shandong", &code)).await
        }
        AuthTooWeak => {
            let code = code(site, |order| order.spec.auth = Auth::Password);
            site.ask_gateway(pay("/pay-biometric", &code)).await
        }
        PaymentCodeNotAccepted => site.ask_gateway(pay("/information", &fresh(site))).await,
        CodeUsed => {
            let code = fresh(site);
            site.ask_gateway(pay("/pay", &code)).await;
            site.ask_gateway(pay_more(&code)).await
        }
        RequestInFlight => twice_at_once(site).await,
        IdempotencyMismatch => {
            let code = fresh(site);
            let name = format!("\"bill-{}\"", site.clock.now().get());
            site.ask_gateway(with(pay("/pay", &code), IDEMPOTENCY_KEY, &name)).await;
            site.ask_gateway(with(pay_more(&code), IDEMPOTENCY_KEY, &name)).await
        }
        AccountFrozen => {
            let change = json!({ "op": "freeze", "cause": "hotline" });
            changed_then_pays(site, 1_004, change, |_| {}).await?
        }
        AccountNotReady => {
            let change = json!({ "op": "freeze", "cause": "pending" });
            changed_then_pays(site, 1_001, change, |_| {}).await?
        }
        DeviceUnbound => {
            let change = json!({ "op": "unbind", "channel": "wechat", "epoch": 9 });
            changed_then_pays(site, 1_002, change, |order| order.spec.epoch = 9).await?
        }
        FamilyMemberRemoved => {
            let change = json!({ "op": "remove-member", "relation": 1 });
            changed_then_pays(site, 1_003, change, |order| order.spec.relation = 1).await?
        }
        RouteNotFound => site.ask_gateway(pay("/settle", &fresh(site))).await,
        MethodNotAllowed => {
            site.ask_gateway(Call { method: Method::PUT, ..pay("/pay", &fresh(site)) }).await
        }
        RequestMalformed => site.ask_gateway(pay("/x/../pay", &fresh(site))).await,
        ExpectationFailed => site.ask_gateway(with(pay("/pay", &fresh(site)), EXPECT, "tea")).await,
        HeadersTooLarge => {
            let lines = (0..70).filter_map(|n| format!("line-{n}").parse::<HeaderName>().ok());
            let call = lines.fold(pay("/pay", &fresh(site)), |call, name| with(call, name, "x"));
            site.ask_gateway(call).await
        }
        RequestTooLarge => {
            let most = usize::try_from(limits::BODY_BYTES_MAX.default).unwrap_or(usize::MAX);
            let body = Bytes::from(vec![b'0'; most.saturating_add(1)]);
            site.ask_gateway(Call { body, ..pay("/pay", &fresh(site)) }).await
        }
        RequestTimeout => slow_body::exchange(site, pay("/pay", &fresh(site))).await,
        InstitutionNotAllowed => {
            let target = "/yanma/redemptions/7001-1800000000-0123456789abcdef".to_owned();
            site.ask_gateway(Call { method: Method::GET, target, ..post("/") }).await
        }
        Maintenance => site.ask_gateway(pay("/pay-in-maintenance", &fresh(site))).await,
        BackendUnreachable => site.ask_gateway(pay("/pay-to-nobody", &fresh(site))).await,
        OutcomeUnknown => site.ask_gateway(with(pay("/pay", &fresh(site)), FAULT, "reset")).await,
        PassInvalid => site.ask_gateway(with(post("/visit"), PASS, &"0".repeat(40))).await,
        PassExpired => site.ask_gateway(with(post("/visit"), PASS, &old_pass(site)?)).await,
        PassUsed => settles_twice(site).await?,
        WarmingUp
        | ReplayFull
        | Overloaded
        | ReplayStoreUnavailable
        | AccountStateUnavailable
        | RateLimited
        | InternalError => return Ok(None),
    };
    Ok(Some(exchange))
}

fn post(path: &str) -> Call {
    Call {
        method: Method::POST,
        target: path.to_owned(),
        headers: vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        body: Bytes::from_static(b"{\"amount\":\"12.30\"}"),
    }
}

fn pay(path: &str, code: &str) -> Call {
    with(post(path), CODE, code)
}

fn pay_more(code: &str) -> Call {
    Call { body: Bytes::from_static(b"{\"amount\":\"99.00\"}"), ..pay("/pay", code) }
}

fn with(mut call: Call, name: HeaderName, value: &str) -> Call {
    call.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
    call
}

fn region(number: u32) -> Region {
    Region::new(number).expect("six digits")
}

fn order(site: &Site, subject: u64) -> Order {
    let subject = Subject::new(subject).expect("not 0");
    Order::of(subject, IssuedAt::from_time(site.clock.now()).unwrap_or(IssuedAt::new(0)))
}

fn fresh(site: &Site) -> String {
    code(site, |_| {})
}

fn code(site: &Site, change: impl FnOnce(&mut Order)) -> String {
    let mut order = order(site, SUBJECT);
    change(&mut order);
    scanner::text(&site.front().issuer.issue(&order).digits())
}

fn code_of_age(site: &Site, age_s: i64) -> String {
    let then = site.clock.now().plus_ms(-age_s * 1_000);
    code(site, |order| order.spec.issued_at = IssuedAt::from_time(then).unwrap_or(IssuedAt::new(0)))
}

async fn changed_then_pays(
    site: &Site,
    subject: u64,
    mut change: Value,
    of_code: impl FnOnce(&mut Order),
) -> Result<Exchange, Problem> {
    if let Some(change) = change.as_object_mut() {
        change.insert("subject".to_owned(), subject.to_string().into());
    }
    site.change_account(change).await?;
    let mut order = order(site, subject);
    of_code(&mut order);
    let code = scanner::text(&site.front().issuer.issue(&order).digits());
    Ok(site.ask_gateway(pay("/pay", &code)).await)
}

/// One of two requests is under way when the other comes; which one, no client decides.
async fn twice_at_once(site: &Site) -> Exchange {
    let call = with(pay("/pay", &fresh(site)), FAULT, "stall");
    let (one, other) = tokio::join!(site.ask_gateway(call.clone()), site.ask_gateway(call));
    let is_refused = |exchange: &Exchange| {
        exchange.heard.as_ref().is_ok_and(|heard| heard.status == StatusCode::CONFLICT)
    };
    if is_refused(&one) { one } else { other }
}

async fn settles_twice(site: &Site) -> Result<Exchange, Problem> {
    let scanned = site.ask_gateway(pay("/scan", &fresh(site))).await.heard;
    let pass = scanned.ok().and_then(|heard| heard.header("yanma-pass").map(str::to_owned));
    let no_pass = || Problem::new(StatusCode::BAD_GATEWAY, "the gateway gave no pass");
    let pass = pass.ok_or_else(no_pass)?;
    let settle = with(post("/visit-pay"), PASS, &pass);
    site.ask_gateway(settle.clone()).await;
    let body = Bytes::from_static(b"{\"amount\":\"99.00\"}");
    Ok(site.ask_gateway(Call { body, ..settle }).await)
}

/// A pass of a scan long ago.
fn old_pass(site: &Site) -> Result<String, Problem> {
    let front = site.front();
    let keys = front.issuer.keys();
    let then = site.clock.now().plus_ms(-i64::from(PASS_AGE_S) * 1_000);
    let then = IssuedAt::from_time(then).unwrap_or(IssuedAt::new(0));
    let mut order = order(site, SUBJECT);
    order.spec.issued_at = then;
    let time = TimeRules { skew_ms: 0, display_days: 0 };
    let rules = Rules { kinds: Kinds::PAYMENT, time, recognise_late: false };
    let failed = |why: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why);
    let issued = site.front().issuer.issue(&order);
    let code = keys.verify(issued.code(), &rules, then.millis());
    let code =
        code.map_err(|_| failed("the sandbox's key is younger than that pass".to_owned()))?;
    let minted = keys.mint_pass(&code, &Institution::NONE, then, 0);
    let minted = minted.map_err(|error| failed(error.to_string()))?;
    let mut text = String::new();
    let _ = write!(text, "{}", minted.text.as_str());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_way_or_is_not_produced() {
        let without: Vec<_> = Refusal::ALL
            .into_iter()
            .filter(|refusal| way(*refusal) == Way::NotProduced)
            .map(Refusal::reason)
            .collect();
        assert_eq!(without, ["rate_limited"]);
    }
}
