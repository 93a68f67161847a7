//! Why a request is refused, and the one place where that becomes an HTTP answer.
//!
//! The list is closed: metrics, cashiers and integrators rely on its names, numbers and sentences.

pub(crate) mod labels;
mod limit;
mod problem;
mod refused;
pub mod shape;
#[cfg(test)]
mod tests;

use http::StatusCode;
use keyring::code::{Kind, ParseError};
use keyring::pass::RedemptionId;
use keyring::verify::Rejection;

pub(crate) use self::refused::Refused;
pub use self::{limit::Limit, problem::Problem};

/// Rows whose causes a forger should not be able to tell apart by what the cashier says.
const NOT_VERIFIED: &str =
    "该码未通过验证，请患者在微信、支付宝或国家医保服务平台APP里重新打开医保码；仍不行请改用实体卡";
const KEY_NOT_IN_USE: &str = "这个APP的医保码暂不能用，请患者换一个APP打开医保码";
const WRONG_FORM: &str = "请求格式有误，本次未扣费，请联系信息科或HIS厂商";

/// Makes the enum and its attributes from one table, so that no refusal lacks an attribute and
/// none is written twice.
macro_rules! refusals {
    ($($name:ident = $reason:literal $status:ident $code:literal $action:literal
        $title:literal $message:expr;)*) => {
        /// Why a request is refused.
        #[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
        pub enum Refusal { $(#[doc = $title] $name,)* }

        impl Refusal {
            /// Every refusal, in the order of the declaration.
            pub const ALL: [Self; [$($reason),*].len()] = [$(Self::$name),*];

            /// The name: in `yanma-outcome`, in metrics, in the body.
            pub fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// The status of the answer.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The number that a cashier can read out over the telephone.
            pub fn error_code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What is to be done, for a program: `rescan`, `resend`, `query`, `wait`, `patient`,
            /// `vendor` or `operator`.
            pub fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }

            /// What happened, for a developer.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What happened and what to do, for a cashier with a queue in front of her.
            pub fn message_zh(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

refusals! {
    CodeMissing = "code_missing" BAD_REQUEST "YM1001" "rescan"
        "The request carries no code."
        "未收到医保码，请扫码后重试";
    CodeMalformed = "code_malformed" BAD_REQUEST "YM1002" "rescan"
        "The text is not a code."
        "无法识别该码，请对准医保码重新扫描；多次不成请告知信息科";
    WrongCodeType = "wrong_code_type" BAD_REQUEST "YM1003" "rescan"
        "The text is a code of another system."
        "扫到的不是医保码，请患者打开“医保码”再扫（微信、支付宝付款码和身份证不能用）";
    DisplayCodeNotPayable = "display_code_not_payable" FORBIDDEN "YM1004" "rescan"
        "A display code cannot pay."
        "这是核对信息用的展示码，不能付款，请患者打开支付码再扫";
    AuthTooWeak = "auth_too_weak" FORBIDDEN "YM1005" "patient"
        "The holder has not proved presence strongly enough."
        "请患者在手机上输入支付密码，或用指纹、刷脸验证后刷新再扫";
    CodeNotServed = "code_not_served" FORBIDDEN "YM1006" "operator"
        "Codes of this kind are not served here."
        "这种医保码本通道暂不受理，请走原有医保通道结算";
    PaymentCodeNotAccepted = "payment_code_not_accepted" FORBIDDEN "YM1007" "rescan"
        "A payment code is not accepted here."
        "本业务只核对信息，请患者打开展示码再扫";
    FormatNotSupported = "format_not_supported" BAD_REQUEST "YM1008" "operator"
        "The format version of the code is not supported."
        "该码版本暂不支持，请患者换一个APP打开医保码，并告知信息科";
    KeyUnknown = "key_unknown" FORBIDDEN "YM1101" "rescan"
        "No trusted key has the id that the code names."
        NOT_VERIFIED;
    SignatureInvalid = "signature_invalid" FORBIDDEN "YM1102" "rescan"
        "The signature of the code does not hold."
        NOT_VERIFIED;
    SealInvalid = "seal_invalid" FORBIDDEN "YM1103" "rescan"
        "The seal of the code does not open."
        NOT_VERIFIED;
    KeyRevoked = "key_revoked" FORBIDDEN "YM1104" "rescan"
        "The key of the code is revoked."
        KEY_NOT_IN_USE;
    KeyNotActive = "key_not_active" FORBIDDEN "YM1105" "rescan"
        "The key of the code is not in use at its issue time."
        KEY_NOT_IN_USE;
    CodeExpired = "code_expired" FORBIDDEN "YM1201" "rescan"
        "The code has expired."
        "该码已过期。刚才提交过的，先查询是否已收费；没提交过的，请患者刷新后重扫";
    CodeNotYetValid = "code_not_yet_valid" FORBIDDEN "YM1202" "rescan"
        "The code was issued in the future."
        "该码还没到生效时间，请等几秒再扫；仍不行请患者换一个APP打开医保码";
    ClockSuspect = "clock_suspect" FORBIDDEN "YM1203" "operator"
        "The code was issued far in the future."
        "该码时间异常，请患者换一个APP打开医保码，并告知信息科（收款电脑的时间不用改）";
    CodeUsed = "code_used" CONFLICT "YM1301" "query"
        "The code has been used before."
        "该码已提交过一次。先查询是否已收费；确认没收费，再请患者刷新后重扫";
    RequestInFlight = "request_in_flight" CONFLICT "YM1302" "wait"
        "The same request is still being processed."
        "这笔交易正在处理，请等结果，不要重复提交，也不要换码再收";
    IdempotencyMismatch = "idempotency_mismatch" UNPROCESSABLE_ENTITY "YM1303" "query"
        "The idempotency key was used for another request."
        "同一交易号前后内容不一致。先查询原交易，查清前不要换号再收费，并告知信息科";
    AccountFrozen = "account_frozen" FORBIDDEN "YM1401" "patient"
        "The account is frozen."
        "该医保码已冻结，请本人解除冻结或拨打12393";
    DeviceUnbound = "device_unbound" FORBIDDEN "YM1402" "patient"
        "The device is no longer bound to the account."
        "这部手机上的医保码已解绑，请患者重新激活后再出示";
    RegionMissing = "region_missing" FORBIDDEN "YM1403" "patient"
        "The holder has not chosen a place of insurance."
        "未选择参保地，请患者在医保码页面选好参保地，刷新后再扫";
    RegionNotOpen = "region_not_open" FORBIDDEN "YM1404" "operator"
        "The place of insurance is not open on this route."
        "该参保地尚未开通此业务，请按本院流程改用其他方式结算";
    FamilyMemberRemoved = "family_member_removed" FORBIDDEN "YM1405" "patient"
        "The family member is no longer linked."
        "该亲情账户已解绑，请使用本人医保码或重新绑定";
    AccountNotReady = "account_not_ready" FORBIDDEN "YM1406" "patient"
        "The enrolment of the account is not finished."
        "参保信息尚未同步（新参保一般需1至2个工作日），请先用其他方式结算";
    RouteNotFound = "route_not_found" NOT_FOUND "YM1501" "vendor"
        "No route has this path."
        "接口地址有误，请联系信息科或HIS厂商";
    RequestTooLarge = "request_too_large" PAYLOAD_TOO_LARGE "YM1502" "vendor"
        "The body is too large."
        "提交内容过大，请联系信息科或HIS厂商";
    RequestTimeout = "request_timeout" REQUEST_TIMEOUT "YM1503" "resend"
        "The request did not arrive in time."
        "网络慢，请求没有收完，本次未扣费，请重新提交";
    InstitutionNotAllowed = "institution_not_allowed" FORBIDDEN "YM1504" "operator"
        "The institution may not use this route."
        "本机构未开通此业务，请联系信息科";
    RateLimited = "rate_limited" TOO_MANY_REQUESTS "YM1505" "resend"
        "Too many requests."
        "提交过于频繁，本次未扣费，请稍候再提交";
    RequestMalformed = "request_malformed" BAD_REQUEST "YM1506" "vendor"
        "The request breaks the rules of HTTP or of this gateway."
        WRONG_FORM;
    HeadersTooLarge = "headers_too_large" REQUEST_HEADER_FIELDS_TOO_LARGE "YM1507" "vendor"
        "The header section is too large."
        WRONG_FORM;
    Overloaded = "overloaded" SERVICE_UNAVAILABLE "YM1601" "resend"
        "The gateway is at its limit."
        "系统繁忙，本次未扣费，请稍候重新提交；码过期了请患者刷新";
    WarmingUp = "warming_up" SERVICE_UNAVAILABLE "YM1602" "query"
        "The gateway cannot know yet whether the code was used."
        "系统刚启动，无法确认该码是否用过。提交过的先查询；没提交过的，请患者刷新后重扫";
    ReplayStoreUnavailable = "replay_store_unavailable" SERVICE_UNAVAILABLE "YM1603" "query"
        "The store of used codes does not answer."
        "暂时无法核对该码，本次未扣费。之前提交过的先查询；没提交过的，请患者刷新后重扫";
    ReplayFull = "replay_full" SERVICE_UNAVAILABLE "YM1604" "rescan"
        "The table of used codes is full."
        "系统繁忙，本次未扣费，请患者刷新后重扫";
    AccountStateUnavailable = "account_state_unavailable" SERVICE_UNAVAILABLE "YM1607" "query"
        "The state of accounts is not known to be fresh."
        "暂时无法核对账户，本次未扣费。之前提交过的先查询；没提交过的，请患者刷新后重扫";
    Maintenance = "maintenance" SERVICE_UNAVAILABLE "YM1605" "operator"
        "The backend is in maintenance."
        "该地区医保系统维护中，本次未扣费，请稍后再试或按本院应急流程处理";
    MethodNotAllowed = "method_not_allowed" METHOD_NOT_ALLOWED "YM1508" "vendor"
        "The route does not take this method."
        WRONG_FORM;
    ExpectationFailed = "expectation_failed" EXPECTATION_FAILED "YM1509" "vendor"
        "The expectation of the request cannot be met."
        WRONG_FORM;
    InternalError = "internal_error" INTERNAL_SERVER_ERROR "YM1606" "operator"
        "The gateway failed before it forwarded the request."
        "系统内部错误，本次未扣费，请患者刷新后重扫；仍不行请告知信息科";
    BackendUnreachable = "backend_unreachable" BAD_GATEWAY "YM1701" "resend"
        "The backend cannot be reached."
        "暂时连不上医保平台，本次未扣费，请重新扫码再试；一直不行请按本院应急流程处理";
    OutcomeUnknown = "outcome_unknown" GATEWAY_TIMEOUT "YM1702" "query"
        "The request was forwarded and its outcome is unknown."
        "结果未知，可能已扣费。先查询本笔交易，查不到再冲正；查清前不要再次收费";
    PassInvalid = "pass_invalid" FORBIDDEN "YM1801" "rescan"
        "The text is not a pass of this gateway and institution."
        "本次扫码无效。提交过的先查询是否已收费；没提交过的，请患者刷新后重扫";
    PassExpired = "pass_expired" FORBIDDEN "YM1802" "rescan"
        "The pass has expired."
        "本次扫码已超时。提交过的先查询是否已收费；没提交过的，请患者刷新后重扫";
    PassUsed = "pass_used" CONFLICT "YM1803" "query"
        "The pass has been used before."
        "本次扫码已提交过结算。先查询是否已收费；没收费或已撤销，再请患者刷新后重扫";
}

impl Refusal {
    /// The place in [`Refusal::ALL`]: dense, for tables of counters.
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|other| *other == self).expect("ALL holds every refusal")
    }

    /// The digits of [`Refusal::error_code`], for systems that read a number.
    pub fn number(self) -> i32 {
        let digits = self.error_code().trim_start_matches("YM");
        digits.parse().expect("an error code is YM and four digits")
    }

    /// Whether it is said of a code or pass, or of what remembers them. A route that only observes
    /// forwards such a request all the same. All else is said of HTTP, of a limit or of the backend.
    pub fn is_of_credential(self) -> bool {
        match self {
            Self::CodeMissing
            | Self::CodeMalformed
            | Self::WrongCodeType
            | Self::DisplayCodeNotPayable
            | Self::AuthTooWeak
            | Self::CodeNotServed
            | Self::PaymentCodeNotAccepted
            | Self::FormatNotSupported
            | Self::KeyUnknown
            | Self::SignatureInvalid
            | Self::SealInvalid
            | Self::KeyRevoked
            | Self::KeyNotActive
            | Self::CodeExpired
            | Self::CodeNotYetValid
            | Self::ClockSuspect
            | Self::CodeUsed
            | Self::AccountFrozen
            | Self::DeviceUnbound
            | Self::RegionMissing
            | Self::RegionNotOpen
            | Self::FamilyMemberRemoved
            | Self::AccountNotReady
            | Self::AccountStateUnavailable
            | Self::WarmingUp
            | Self::ReplayStoreUnavailable
            | Self::ReplayFull
            | Self::PassInvalid
            | Self::PassExpired
            | Self::PassUsed => true,
            Self::RequestInFlight
            | Self::IdempotencyMismatch
            | Self::RouteNotFound
            | Self::RequestTooLarge
            | Self::RequestTimeout
            | Self::InstitutionNotAllowed
            | Self::RateLimited
            | Self::RequestMalformed
            | Self::HeadersTooLarge
            | Self::Overloaded
            | Self::Maintenance
            | Self::MethodNotAllowed
            | Self::ExpectationFailed
            | Self::InternalError
            | Self::BackendUnreachable
            | Self::OutcomeUnknown => false,
        }
    }

    /// Whether it is the state of the person's account that refuses.
    pub fn is_of_account(self) -> bool {
        matches!(
            self,
            Self::AccountFrozen
                | Self::AccountNotReady
                | Self::FamilyMemberRemoved
                | Self::DeviceUnbound
                | Self::AccountStateUnavailable
        )
    }

    /// Whether bytes of the request had gone to a backend, where a backend was asked at all.
    pub fn request_sent(self) -> Option<bool> {
        match self {
            Self::OutcomeUnknown => Some(true),
            Self::BackendUnreachable => Some(false),
            _ => None,
        }
    }

    /// After how many seconds the same request may pass; never where the same code cannot.
    pub fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::RateLimited | Self::Overloaded | Self::RequestInFlight => Some(1),
            Self::Maintenance => Some(60),
            _ => None,
        }
    }

    /// The refusal of a well-formed code that is not genuine, not fresh or not for this route.
    pub fn of_rejection(rejection: Rejection) -> Self {
        match rejection {
            Rejection::WrongKind(Kind::Display) => Self::DisplayCodeNotPayable,
            Rejection::WrongKind(Kind::Payment) => Self::PaymentCodeNotAccepted,
            Rejection::KeyUnknown => Self::KeyUnknown,
            Rejection::KeyRevoked => Self::KeyRevoked,
            Rejection::KeyNotActive => Self::KeyNotActive,
            Rejection::Expired => Self::CodeExpired,
            Rejection::NotYetValid => Self::CodeNotYetValid,
            Rejection::ClockSuspect => Self::ClockSuspect,
            Rejection::SignatureInvalid => Self::SignatureInvalid,
            Rejection::SealInvalid => Self::SealInvalid,
        }
    }
}

impl Refusal {
    /// The code or pass is used.
    pub(crate) fn used(id: &RedemptionId) -> Self {
        match id {
            RedemptionId::Code(_) | RedemptionId::Opaque(_) => Self::CodeUsed,
            RedemptionId::Pass(_) => Self::PassUsed,
        }
    }

    /// The life of the code or pass is over.
    pub(crate) fn expired(id: &RedemptionId) -> Self {
        match id {
            RedemptionId::Code(_) | RedemptionId::Opaque(_) => Self::CodeExpired,
            RedemptionId::Pass(_) => Self::PassExpired,
        }
    }
}

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Malformed => Self::CodeMalformed,
            ParseError::WrongCodeType => Self::WrongCodeType,
            ParseError::NotServed => Self::CodeNotServed,
            ParseError::FormatNotSupported => Self::FormatNotSupported,
        }
    }
}
