//! The texts of the page.

use crate::cli::sandbox::pages::frame::texts;
use crate::web::table::Tone;

texts! {
    /// A text of the page.
    Word {
        Title "Live: what the gateway decides" "实况：网关的每一个决定";
        Lead "Each line is one request, as the decision record has it. The newest is first. Open a line to see all that was written down." "每行是一次请求，取自决策记录，最新的在最上面。点开一行可看记录的全部内容。";
        Silent "The sandbox does not answer. It may have ended: look at its terminal." "沙箱没有应答，可能已经结束，请看它的终端。";
        Twice "One code arrived at the settlement backend twice: the patient may have been charged twice. Redemption:" "同一个码两次到达结算后端，患者可能被重复收费。核销编号：";
        Decisions "Decisions" "决定";
        NoDecisions "No request has come yet. Pay with a code at the till, or paste a command." "还没有请求。请在收费台收一次费，或粘贴一条命令。";
        Time "Time in Beijing, UTC" "北京时间 / UTC";
        Route "Route" "路由";
        Outcome "Outcome" "结果";
        Sentence "What the till shows" "收费台显示的话";
        Age "Age" "码龄";
        Spending "Code" "码";
        RequestId "Request id" "请求号";
        Open "Show all fields of this request" "显示这次请求的全部字段";
        OfPass "pass" "通行证";
        Passed "Passed on" "放行";
        Replayed "Same answer again" "重发原应答";
        Refused "Refused" "拒绝";
        Unknown "Outcome unknown" "结果未知";
        Failed "Not served" "未受理";
        NotSpent "not used" "未使用";
        Spent "used" "已使用";
        GivenBack "given back" "已退还";
        Filter "Choose lines" "筛选";
        FilterOutcome "Outcome" "结果";
        FilterTill "Till" "收费台";
        FilterText "Contains" "包含";
        All "all" "全部";
        TillOne "1 (hospital)" "1（医院）";
        TillTwo "2 (pharmacy)" "2（药店）";
        Now "now" "现在";
        Outcomes "Outcomes over 5 minutes" "5 分钟内的结果";
        PlotOutcomes "Requests a second that were served and refused, over five minutes" "五分钟内每秒放行和拒绝的请求";
        PlotFaults "Requests a second that failed, over five minutes" "五分钟内每秒失败的请求";
        Served "Served" "已受理";
        Backend "Backend" "后端";
        Gateway "Gateway" "网关";
        CodeAges "Ages of codes" "码龄";
        CodeAgesHint "Seconds from the making of a code to its scan, over 5 minutes. A code lives for 60." "从出码到扫码的秒数，5 分钟内。码的有效期为 60 秒。";
        PlotAges "Share of codes by age in seconds" "各码龄（秒）的占比";
        Table "Used codes" "已使用的码";
        TableHint "The table of codes that were used. A code is forgotten when it can no longer be valid." "已使用的码的表。码不可能再有效时才会被忘记。";
        Entries "Codes in the table" "表中的码";
        Capacity "Places" "容量";
        Filled "Filled" "占用";
        Released "Given back" "已退还";
        Keys "Keys" "密钥";
        Key "Key" "密钥";
        Channel "Channel" "渠道";
        State "State" "状态";
        DaysLeft "Days left" "剩余天数";
        LastUse "Last used ago" "上次使用距今";
        None "nothing yet" "暂无";
        Announced "announced" "已公布";
        Active "active" "在用";
        Retiring "retiring" "将停用";
        Revoked "revoked" "已吊销";
        Standin "Stand-in backend" "模拟结算后端";
        Arrived "Requests that arrived there" "到达的请求";
        ArrivedTwice "Codes that arrived twice" "到达两次的码";
        Counted "Decisions since the start" "启动以来的决定";
    }
}

/// The words of closed sets: the value in the documents, its text, its colour.
pub(super) const VALUES: [(&str, Word, Tone); 8] = [
    ("announced", Word::Announced, Tone::Plain),
    ("active", Word::Active, Tone::Good),
    ("retiring", Word::Retiring, Tone::Warn),
    ("revoked", Word::Revoked, Tone::Bad),
    ("none", Word::NotSpent, Tone::Plain),
    ("spent", Word::Spent, Tone::Plain),
    ("given_back", Word::GivenBack, Tone::Plain),
    ("pass", Word::OfPass, Tone::Plain),
];

/// The text of one of them, or the value itself.
pub(super) fn of_value(value: &str, language: crate::web::language::Language) -> &str {
    let found = VALUES.iter().find(|(known, ..)| *known == value);
    found.map_or(value, |(_, word, _)| word.in_language(language))
}
