use std::collections::HashSet;

use keyring::time::UnixMillis;
use serde_json::Value;

use super::*;
use crate::request_id::RequestIds;

/// The contract's table, word for word.
const CONTRACT: &str = "\
| code_missing | 400 | YM1001 | rescan | 未收到医保码，请扫码后重试 |
| code_malformed | 400 | YM1002 | rescan | 无法识别该码，请对准医保码重新扫描；多次不成请告知信息科 |
| wrong_code_type | 400 | YM1003 | rescan | 扫到的不是医保码，请患者打开“医保码”再扫（微信、支付宝付款码和身份证不能用） |
| display_code_not_payable | 403 | YM1004 | rescan | 这是核对信息用的展示码，不能付款，请患者打开支付码再扫 |
| auth_too_weak | 403 | YM1005 | patient | 请患者在手机上输入支付密码，或用指纹、刷脸验证后刷新再扫 |
| code_not_served | 403 | YM1006 | operator | 这种医保码本通道暂不受理，请走原有医保通道结算 |
| payment_code_not_accepted | 403 | YM1007 | rescan | 本业务只核对信息，请患者打开展示码再扫 |
| format_not_supported | 400 | YM1008 | operator | 该码版本暂不支持，请患者换一个APP打开医保码，并告知信息科 |
| key_unknown | 403 | YM1101 | rescan | 该码未通过验证，请患者在微信、支付宝或国家医保服务平台APP里重新打开医保码；仍不行请改用实体卡 |
| signature_invalid | 403 | YM1102 | rescan | (as key_unknown) |
| seal_invalid | 403 | YM1103 | rescan | (as key_unknown) |
| key_revoked | 403 | YM1104 | rescan | 这个APP的医保码暂不能用，请患者换一个APP打开医保码 |
| key_not_active | 403 | YM1105 | rescan | (as key_revoked) |
| code_expired | 403 | YM1201 | rescan | 该码已过期。刚才提交过的，先查询是否已收费；没提交过的，请患者刷新后重扫 |
| code_not_yet_valid | 403 | YM1202 | rescan | 该码还没到生效时间，请等几秒再扫；仍不行请患者换一个APP打开医保码 |
| clock_suspect | 403 | YM1203 | operator | 该码时间异常，请患者换一个APP打开医保码，并告知信息科（收款电脑的时间不用改） |
| code_used | 409 | YM1301 | query | 该码已提交过一次。先查询是否已收费；确认没收费，再请患者刷新后重扫 |
| request_in_flight | 409 | YM1302 | wait | 这笔交易正在处理，请等结果，不要重复提交，也不要换码再收 |
| idempotency_mismatch | 422 | YM1303 | query | 同一交易号前后内容不一致。先查询原交易，查清前不要换号再收费，并告知信息科 |
| account_frozen | 403 | YM1401 | patient | 该医保码已冻结，请本人解除冻结或拨打12393 |
| device_unbound | 403 | YM1402 | patient | 这部手机上的医保码已解绑，请患者重新激活后再出示 |
| region_missing | 403 | YM1403 | patient | 未选择参保地，请患者在医保码页面选好参保地，刷新后再扫 |
| region_not_open | 403 | YM1404 | operator | 该参保地尚未开通此业务，请按本院流程改用其他方式结算 |
| family_member_removed | 403 | YM1405 | patient | 该亲情账户已解绑，请使用本人医保码或重新绑定 |
| route_not_found | 404 | YM1501 | vendor | 接口地址有误，请联系信息科或HIS厂商 |
| request_too_large | 413 | YM1502 | vendor | 提交内容过大，请联系信息科或HIS厂商 |
| request_timeout (never after redeem) | 408 | YM1503 | resend | 网络慢，请求没有收完，本次未扣费，请重新提交 |
| institution_not_allowed | 403 | YM1504 | operator | 本机构未开通此业务，请联系信息科 |
| rate_limited | 429 | YM1505 | resend | 提交过于频繁，本次未扣费，请稍候再提交 |
| request_malformed | 400 | YM1506 | vendor | 请求格式有误，本次未扣费，请联系信息科或HIS厂商 |
| headers_too_large | 431 | YM1507 | vendor | 请求格式有误，本次未扣费，请联系信息科或HIS厂商 |
| overloaded | 503 | YM1601 | resend | 系统繁忙，本次未扣费，请稍候重新提交；码过期了请患者刷新 |
| warming_up | 503 | YM1602 | query | 系统刚启动，无法确认该码是否用过。提交过的先查询；没提交过的，请患者刷新后重扫 |
| replay_store_unavailable | 503 | YM1603 | query | 暂时无法核对该码，本次未扣费。之前提交过的先查询；没提交过的，请患者刷新后重扫 |
| replay_full | 503 | YM1604 | rescan | 系统繁忙，本次未扣费，请患者刷新后重扫 |
| maintenance | 503 | YM1605 | operator | 该地区医保系统维护中，本次未扣费，请稍后再试或按本院应急流程处理 |
| method_not_allowed | 405 | YM1508 | vendor | (as request_malformed) |
| expectation_failed | 417 | YM1509 | vendor | (as request_malformed) |
| internal_error | 500 | YM1606 | operator | 系统内部错误，本次未扣费，请患者刷新后重扫；仍不行请告知信息科 |
| backend_unreachable | 502 | YM1701 | resend | 暂时连不上医保平台，本次未扣费，请重新扫码再试；一直不行请按本院应急流程处理 |
| outcome_unknown | 504 | YM1702 | query | 结果未知，可能已扣费。先查询本笔交易，查不到再冲正；查清前不要再次收费 |";

struct Row {
    reason: &'static str,
    status: u16,
    error_code: &'static str,
    action: &'static str,
    message_zh: &'static str,
}

fn contract() -> Vec<Row> {
    CONTRACT.lines().map(row).collect()
}

fn row(line: &'static str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let &[reason, status, error_code, action, message_zh] = cells.as_slice() else {
        panic!("a row has five cells: {line}");
    };
    let (reason, _remark) = reason.split_once(' ').unwrap_or((reason, ""));
    Row { reason, status: status.parse().unwrap(), error_code, action, message_zh }
}

/// A sentence, or that of the row which an `(as ...)` names.
fn sentence(rows: &[Row], cell: &'static str) -> &'static str {
    let Some(other) = cell.strip_prefix("(as ").and_then(|rest| rest.strip_suffix(')')) else {
        return cell;
    };
    rows.iter().find(|row| row.reason == other).unwrap().message_zh
}

#[test]
fn the_refusals_are_the_contracts_table() {
    let rows = contract();
    assert_eq!(rows.len(), Refusal::ALL.len());
    for (row, refusal) in rows.iter().zip(Refusal::ALL) {
        assert_eq!(refusal.reason(), row.reason);
        assert_eq!(refusal.status().as_u16(), row.status, "{}", row.reason);
        assert_eq!(refusal.error_code(), row.error_code, "{}", row.reason);
        assert_eq!(refusal.action(), row.action, "{}", row.reason);
        assert_eq!(refusal.message_zh(), sentence(&rows, row.message_zh), "{}", row.reason);
    }
}

#[test]
fn reasons_and_numbers_are_unique_and_indexes_dense() {
    let reasons: HashSet<_> = Refusal::ALL.map(Refusal::reason).into();
    let numbers: HashSet<_> = Refusal::ALL.map(Refusal::error_code).into();
    assert_eq!((reasons.len(), numbers.len()), (Refusal::ALL.len(), Refusal::ALL.len()));
    assert!(Refusal::ALL.iter().enumerate().all(|(i, refusal)| refusal.index() == i));
}

#[test]
fn only_what_may_pass_again_says_when() {
    let waits: Vec<&str> = Refusal::ALL
        .into_iter()
        .filter(|refusal| refusal.retry_after_s().is_some())
        .map(Refusal::reason)
        .collect();
    assert_eq!(waits, ["request_in_flight", "rate_limited", "overloaded", "maintenance"]);
}

#[test]
fn titles_are_sentences_that_differ() {
    let titles: HashSet<_> = Refusal::ALL.map(Refusal::title).into();
    assert_eq!(titles.len(), Refusal::ALL.len());
    for title in titles {
        assert!(title.is_ascii() && title.ends_with('.') && title.len() <= 64, "{title}");
    }
}

#[test]
fn a_kind_in_the_wrong_place_has_two_reasons() {
    let refusal = |kind| Refusal::of_rejection(Rejection::WrongKind(kind));
    assert_eq!(refusal(Kind::Display), Refusal::DisplayCodeNotPayable);
    assert_eq!(refusal(Kind::Payment), Refusal::PaymentCodeNotAccepted);
}

fn answer(refusal: Refusal, redemption: Option<&str>) -> http::Response<bytes::Bytes> {
    let request_id = RequestIds::new([1, 2]).next();
    let now = UnixMillis::new(1_800_000_000_123);
    let detail = Some("a \"detail\"");
    Problem { refusal, request_id: &request_id, redemption, now, detail }.to_response()
}

#[test]
fn every_answer_is_a_problem_of_rfc_9457() {
    for refusal in Refusal::ALL {
        let response = answer(refusal, None);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(response.status(), refusal.status());
        assert_eq!(body["type"], format!("urn:yanma:refusal:{}", refusal.reason()));
        assert_eq!(body["title"], refusal.title());
        assert_eq!(body["status"], refusal.status().as_u16());
        assert_eq!(body["reason"], refusal.reason());
        assert_eq!(body["error_code"], refusal.error_code());
        assert_eq!(body["action"], refusal.action());
        assert_eq!(body["message_zh"], refusal.message_zh());
        assert_eq!(body["time"], "2027-01-15T08:00:00.123Z");
        assert_eq!(body["detail"], "a \"detail\"");
        assert_eq!(body.get("redemption"), None);
        assert_eq!(response.headers()["yanma-outcome"], refusal.reason());
        assert_eq!(body["request_id"], response.headers()["yanma-request-id"].to_str().unwrap());
        let retry_after = response.headers().get("retry-after").is_some();
        assert_eq!(retry_after, refusal.retry_after_s().is_some());
    }
}

#[test]
fn the_sentence_goes_out_as_utf8_and_the_headers_say_what_the_body_is() {
    let response = answer(Refusal::CodeUsed, Some("7001-1800000000-0123456789abcdef"));
    let text = str::from_utf8(response.body()).unwrap();
    assert!(text.contains(Refusal::CodeUsed.message_zh()), "{text}");
    assert!(text.contains(r#""redemption":"7001-1800000000-0123456789abcdef""#), "{text}");
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["content-length"], text.len().to_string().as_str());
    assert_eq!(headers["yanma-redemption"], "7001-1800000000-0123456789abcdef");
}
