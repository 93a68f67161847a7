//! The sentences about problems, in both languages: what is wrong, in one line.

use super::problem::Problem;
use crate::{
    admin::live::{facts::traffic::Traffic, words::condition_zh},
    web::value::Form,
};

impl Problem {
    pub(super) fn en(&self) -> String {
        match self {
            Self::NotReady { condition, otherwise } => {
                format!("Not ready: {condition}: {otherwise}.")
            }
            Self::VerifierWrong => {
                "The verifier was found wrong: take this node out and suspect its memory."
                    .to_owned()
            }
            Self::SealInvalid { codes } => format!(
                "{} with a good signature and a bad seal in 5 minutes: a signing key may be stolen.",
                many(*codes, "code", "codes")
            ),
            Self::RecordLoses { decisions } => format!(
                "The record cannot be written: {} missing in 5 minutes.",
                many(*decisions, "decision is", "decisions are")
            ),
            Self::RecordWaits { percent } => {
                format!("The record falls behind: its queue is {percent} % full.")
            }
            Self::NoMajority { claims } => format!(
                "Registers without a majority: {} failed in 5 minutes.",
                many(*claims, "claim", "claims")
            ),
            Self::BackendDown { backend } => format!("Backend {backend} is down."),
            Self::GatewayFaults { requests, percent } => format!(
                "{} failed by the gateway's own fault in 5 minutes, {percent} %.",
                many(*requests, "request", "requests")
            ),
            Self::OutcomeUnknown { requests, percent } => format!(
                "{} unknown in 5 minutes, {percent} %.",
                many(*requests, "outcome is", "outcomes are")
            ),
            Self::AccountsSetBack => {
                "The store of account states shows less than it did: nothing is admitted by it."
                    .to_owned()
            }
            Self::AccountsStale { seconds: Some(seconds) } => {
                format!("Account states are {seconds} s old.")
            }
            Self::AccountsStale { seconds: None } => {
                "Account states are of unknown age.".to_owned()
            }
            Self::AccountsFill { percent } => {
                format!("Account states fill {percent} % of their room.")
            }
            Self::RegisterDown { register } => format!("Register {register} is not connected."),
            Self::RegisterAbstains { register, reason } => {
                format!("Register {register} does not vote: {reason}.")
            }
            Self::ReplayFills { percent } => {
                format!("The table of spent codes is {percent} % full.")
            }
            Self::PassesFill { percent } => {
                format!("The table of spent passes is {percent} % full.")
            }
            Self::ReloadFailed => {
                "The last reload failed: the state before it stays in force.".to_owned()
            }
            Self::KeyExpires { key_id, days } if *days < 0 => format!("Key {key_id} has expired."),
            Self::KeyExpires { key_id, days } => {
                let days = many(days.unsigned_abs(), "day", "days");
                format!("Key {key_id} expires in {days}.")
            }
            Self::EndpointDown { backend, endpoint } => {
                format!("Endpoint {endpoint} of backend {backend} is down.")
            }
            Self::Maintenance { backend } => {
                format!("Backend {backend} is in maintenance by the configuration.")
            }
            Self::VerifierSlow => {
                "Codes are verified by the slow engine: YANMA_VERIFY or a mismatch chose it."
                    .to_owned()
            }
            Self::ClockStepped { steps } => {
                format!("The wall clock stepped {} in 5 minutes.", many(*steps, "time", "times"))
            }
            Self::LimitHit { limit, times } => {
                format!("Limit {limit} was met {} in 5 minutes.", many(*times, "time", "times"))
            }
            Self::Observes { route } => {
                format!("Route {route} only observes: it refuses no code.")
            }
            Self::LogDropped { lines } => format!(
                "{} dropped in 5 minutes: standard error does not take them.",
                many(*lines, "log line was", "log lines were")
            ),
        }
    }

    pub(super) fn zh(&self) -> String {
        match self {
            Self::NotReady { condition, otherwise } => {
                format!("未就绪：{}。", condition_zh(condition).unwrap_or(otherwise))
            }
            Self::VerifierWrong => "验签结果有误：请将本节点下线并检查内存。".to_owned(),
            Self::SealInvalid { codes } => {
                format!("5分钟内有{}个码签名正确而封印错误：签名密钥可能已泄露。", figure(*codes))
            }
            Self::RecordLoses { decisions } => {
                format!("决策记录无法写入：5分钟内缺失{}条。", figure(*decisions))
            }
            Self::RecordWaits { percent } => format!("决策记录积压：队列已用{percent} %。"),
            Self::NoMajority { claims } => {
                format!("登记器不足多数：5分钟内{}次登记失败。", figure(*claims))
            }
            Self::BackendDown { backend } => format!("后端{backend}不可用。"),
            Self::GatewayFaults { requests, percent } => {
                format!("5分钟内{}个请求因网关自身故障失败（{percent} %）。", figure(*requests))
            }
            Self::OutcomeUnknown { requests, percent } => {
                format!("5分钟内{}个请求结果未知（{percent} %）。", figure(*requests))
            }
            Self::AccountsSetBack => "账户状态库出现回退：不再据此放行。".to_owned(),
            Self::AccountsStale { seconds: Some(seconds) } => {
                format!("账户状态已滞后{seconds}秒。")
            }
            Self::AccountsStale { seconds: None } => "账户状态的新旧程度未知。".to_owned(),
            Self::AccountsFill { percent } => format!("账户状态容量已用{percent} %。"),
            Self::RegisterDown { register } => format!("登记器{register}未连接。"),
            Self::RegisterAbstains { register, reason } => {
                format!("登记器{register}弃权：{reason}。")
            }
            Self::ReplayFills { percent } => format!("已用码表已用{percent} %。"),
            Self::PassesFill { percent } => format!("已用凭证表已用{percent} %。"),
            Self::ReloadFailed => "上次重新加载失败：继续使用原有配置。".to_owned(),
            Self::KeyExpires { key_id, days } if *days < 0 => format!("密钥{key_id}已过期。"),
            Self::KeyExpires { key_id, days } => format!("密钥{key_id}将在{days}天后过期。"),
            Self::EndpointDown { backend, endpoint } => {
                format!("后端{backend}的端点{endpoint}不可用。")
            }
            Self::Maintenance { backend } => format!("后端{backend}按配置处于维护中。"),
            Self::VerifierSlow => {
                "正在使用慢速验签引擎（由YANMA_VERIFY或结果不一致引起）。".to_owned()
            }
            Self::ClockStepped { steps } => format!("5分钟内系统时钟跳变{}次。", figure(*steps)),
            Self::LimitHit { limit, times } => {
                format!("5分钟内触及上限{limit}共{}次。", figure(*times))
            }
            Self::Observes { route } => format!("路由{route}只观察：不拒绝任何码。"),
            Self::LogDropped { lines } => {
                format!("5分钟内丢弃日志{}行：标准错误写不出去。", figure(*lines))
            }
        }
    }
}

/// How much passes through, in both languages.
pub(super) fn of_traffic(traffic: &Traffic) -> (String, String) {
    let requests = &traffic.requests;
    let Some(free) = requests.free_of_gateway_faults_percent else {
        return ("No request in 5 minutes.".to_owned(), "5分钟内没有请求。".to_owned());
    };
    let rate = Form::Number("").show(&requests.per_s.into());
    (
        format!("{rate} requests/s, {free} % free of gateway faults in 5 minutes."),
        format!("每秒{rate}个请求，5分钟内{free} %的请求没有网关故障。"),
    )
}

fn figure(count: u64) -> String {
    Form::Number("").show(&count.into())
}

fn many(count: u64, one: &str, more: &str) -> String {
    format!("{} {}", figure(count), if count == 1 { one } else { more })
}
