//! The contract's table of refusals, copied from the contract and not from the gateway, and what
//! every refusal must look like.

use super::wire::Message;

/// One row: reason, status, error code, action, and the sentence for the cashier.
pub(crate) type Row = (&'static str, u16, &'static str, &'static str, &'static str);

pub(crate) const REFUSALS: &[Row] = &[
    ("code_missing", 400, "YM1001", "rescan", "未收到医保码，请扫码后重试"),
    (
        "code_malformed",
        400,
        "YM1002",
        "rescan",
        "无法识别该码，请对准医保码重新扫描；多次不成请告知信息科",
    ),
    (
        "wrong_code_type",
        400,
        "YM1003",
        "rescan",
        "扫到的不是医保码，请患者打开“医保码”再扫（微信、支付宝付款码和身份证不能用）",
    ),
    (
        "display_code_not_payable",
        403,
        "YM1004",
        "rescan",
        "这是核对信息用的展示码，不能付款，请患者打开支付码再扫",
    ),
    (
        "auth_too_weak",
        403,
        "YM1005",
        "patient",
        "请患者在手机上输入支付密码，或用指纹、刷脸验证后刷新再扫",
    ),
    (
        "code_not_served",
        403,
        "YM1006",
        "operator",
        "这种医保码本通道暂不受理，请走原有医保通道结算",
    ),
    (
        "payment_code_not_accepted",
        403,
        "YM1007",
        "rescan",
        "本业务只核对信息，请患者打开展示码再扫",
    ),
    (
        "format_not_supported",
        400,
        "YM1008",
        "operator",
        "该码版本暂不支持，请患者换一个APP打开医保码，并告知信息科",
    ),
    (
        "key_unknown",
        403,
        "YM1101",
        "rescan",
        "该码未通过验证，请患者在微信、支付宝或国家医保服务平台APP里重新打开医保码；仍不行请改用实体卡",
    ),
    (
        "signature_invalid",
        403,
        "YM1102",
        "rescan",
        "该码未通过验证，请患者在微信、支付宝或国家医保服务平台APP里重新打开医保码；仍不行请改用实体卡",
    ),
    (
        "seal_invalid",
        403,
        "YM1103",
        "rescan",
        "该码未通过验证，请患者在微信、支付宝或国家医保服务平台APP里重新打开医保码；仍不行请改用实体卡",
    ),
    ("key_revoked", 403, "YM1104", "rescan", "这个APP的医保码暂不能用，请患者换一个APP打开医保码"),
    (
        "key_not_active",
        403,
        "YM1105",
        "rescan",
        "这个APP的医保码暂不能用，请患者换一个APP打开医保码",
    ),
    (
        "code_expired",
        403,
        "YM1201",
        "rescan",
        "该码已过期。刚才提交过的，先查询是否已收费；没提交过的，请患者刷新后重扫",
    ),
    (
        "code_not_yet_valid",
        403,
        "YM1202",
        "rescan",
        "该码还没到生效时间，请等几秒再扫；仍不行请患者换一个APP打开医保码",
    ),
    (
        "clock_suspect",
        403,
        "YM1203",
        "operator",
        "该码时间异常，请患者换一个APP打开医保码，并告知信息科（收款电脑的时间不用改）",
    ),
    (
        "code_used",
        409,
        "YM1301",
        "query",
        "该码已提交过一次。先查询是否已收费；确认没收费，再请患者刷新后重扫",
    ),
    (
        "request_in_flight",
        409,
        "YM1302",
        "wait",
        "这笔交易正在处理，请等结果，不要重复提交，也不要换码再收",
    ),
    (
        "idempotency_mismatch",
        422,
        "YM1303",
        "query",
        "同一交易号前后内容不一致。先查询原交易，查清前不要换号再收费，并告知信息科",
    ),
    ("account_frozen", 403, "YM1401", "patient", "该医保码已冻结，请本人解除冻结或拨打12393"),
    (
        "device_unbound",
        403,
        "YM1402",
        "patient",
        "这部手机上的医保码已解绑，请患者重新激活后再出示",
    ),
    (
        "region_missing",
        403,
        "YM1403",
        "patient",
        "未选择参保地，请患者在医保码页面选好参保地，刷新后再扫",
    ),
    (
        "region_not_open",
        403,
        "YM1404",
        "operator",
        "该参保地尚未开通此业务，请按本院流程改用其他方式结算",
    ),
    (
        "family_member_removed",
        403,
        "YM1405",
        "patient",
        "该亲情账户已解绑，请使用本人医保码或重新绑定",
    ),
    ("route_not_found", 404, "YM1501", "vendor", "接口地址有误，请联系信息科或HIS厂商"),
    ("request_too_large", 413, "YM1502", "vendor", "提交内容过大，请联系信息科或HIS厂商"),
    ("request_timeout", 408, "YM1503", "resend", "网络慢，请求没有收完，本次未扣费，请重新提交"),
    ("institution_not_allowed", 403, "YM1504", "operator", "本机构未开通此业务，请联系信息科"),
    ("rate_limited", 429, "YM1505", "resend", "提交过于频繁，本次未扣费，请稍候再提交"),
    (
        "request_malformed",
        400,
        "YM1506",
        "vendor",
        "请求格式有误，本次未扣费，请联系信息科或HIS厂商",
    ),
    (
        "headers_too_large",
        431,
        "YM1507",
        "vendor",
        "请求格式有误，本次未扣费，请联系信息科或HIS厂商",
    ),
    (
        "overloaded",
        503,
        "YM1601",
        "resend",
        "系统繁忙，本次未扣费，请稍候重新提交；码过期了请患者刷新",
    ),
    (
        "warming_up",
        503,
        "YM1602",
        "query",
        "系统刚启动，无法确认该码是否用过。提交过的先查询；没提交过的，请患者刷新后重扫",
    ),
    (
        "replay_store_unavailable",
        503,
        "YM1603",
        "query",
        "暂时无法核对该码，本次未扣费。之前提交过的先查询；没提交过的，请患者刷新后重扫",
    ),
    ("replay_full", 503, "YM1604", "rescan", "系统繁忙，本次未扣费，请患者刷新后重扫"),
    (
        "maintenance",
        503,
        "YM1605",
        "operator",
        "该地区医保系统维护中，本次未扣费，请稍后再试或按本院应急流程处理",
    ),
    (
        "method_not_allowed",
        405,
        "YM1508",
        "vendor",
        "请求格式有误，本次未扣费，请联系信息科或HIS厂商",
    ),
    (
        "expectation_failed",
        417,
        "YM1509",
        "vendor",
        "请求格式有误，本次未扣费，请联系信息科或HIS厂商",
    ),
    (
        "internal_error",
        500,
        "YM1606",
        "operator",
        "系统内部错误，本次未扣费，请患者刷新后重扫；仍不行请告知信息科",
    ),
    (
        "backend_unreachable",
        502,
        "YM1701",
        "resend",
        "暂时连不上医保平台，本次未扣费，请重新扫码再试；一直不行请按本院应急流程处理",
    ),
    (
        "outcome_unknown",
        504,
        "YM1702",
        "query",
        "结果未知，可能已扣费。先查询本笔交易，查不到再冲正；查清前不要再次收费",
    ),
];

/// Refusals after which the same code may pass, so that a time to wait makes sense.
const MAY_RETRY_AFTER: &[&str] =
    &["rate_limited", "overloaded", "maintenance", "request_in_flight"];

impl Message {
    /// Asserts that this is the contract's answer for a reason, to the letter. Returns its body.
    #[track_caller]
    pub(crate) fn is_refused(&self, reason: &str) -> serde_json::Value {
        let row = REFUSALS.iter().find(|row| row.0 == reason).expect("a reason of the contract");
        let (_, status, error_code, action, sentence) = *row;
        let outcome = self.field("yanma-outcome");
        assert_eq!((self.status(), outcome), (status, Some(reason)), "{self:?}");
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        assert_eq!(self.field("cache-control"), Some("no-store"));
        self.has_waiting_time_only_where_it_helps(reason);

        let body = self.json();
        assert_eq!(body["type"], format!("urn:yanma:refusal:{reason}"));
        assert_eq!(body["status"], status);
        assert_eq!(body["reason"], reason);
        assert_eq!(body["error_code"], error_code);
        assert_eq!(body["action"], action);
        assert_eq!(body["message_zh"], sentence);
        assert_eq!(body["request_id"].as_str(), Some(self.request_id()));
        assert_eq!(body["redemption"].as_str(), self.field("yanma-redemption"));
        let title = body["title"].as_str().expect("a title");
        assert!(!title.is_empty() && title.is_ascii(), "the title is English: {title}");
        let time = body["time"].as_str().expect("a time");
        assert!(time.ends_with('Z') && time.parse::<keyring::time::UnixMillis>().is_ok(), "{time}");
        body
    }

    /// Asserts that the backend settled and that its answer was relayed.
    #[track_caller]
    pub(crate) fn is_approved(&self) {
        let outcome = self.field("yanma-outcome");
        assert_eq!((self.status(), outcome), (200, Some("approved")), "{self:?}");
        assert_eq!(self.text(), super::backend::SETTLED);
        self.request_id();
    }

    /// Asserts that this is the answer `first` once more: byte for byte but for the mark.
    #[track_caller]
    pub(crate) fn is_again(&self, first: &Self) {
        assert_eq!(self.field("idempotent-replayed"), Some("true"), "{self:?}");
        assert_eq!(first.field("idempotent-replayed"), None, "the first is no repetition");
        let mut unmarked = self.clone();
        unmarked.fields.retain(|(name, _)| !name.eq_ignore_ascii_case("idempotent-replayed"));
        let parts = |one: &Self| {
            let Self { start, fields, body, trailers, is_whole } = one.clone();
            (start, fields, body, trailers, is_whole)
        };
        assert_eq!(parts(&unmarked), parts(first));
    }

    /// 16 characters of Crockford base 32, lower case.
    #[track_caller]
    pub(crate) fn request_id(&self) -> &str {
        let id = self.field("yanma-request-id").expect("every answer carries a request id");
        let is_sound = |letter| "0123456789abcdefghjkmnpqrstvwxyz".contains(letter);
        assert!(id.len() == 16 && id.chars().all(is_sound), "request id {id:?}");
        id
    }

    #[track_caller]
    fn has_waiting_time_only_where_it_helps(&self, reason: &str) {
        let seconds = self.field("retry-after").map(str::parse::<u32>);
        if MAY_RETRY_AFTER.contains(&reason) {
            assert!(matches!(seconds, Some(Ok(1..))), "{reason} without Retry-After");
        } else {
            assert_eq!(seconds, None, "the same code cannot pass later: {reason}");
        }
    }
}
