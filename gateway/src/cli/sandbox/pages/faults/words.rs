//! The texts of the switchboard.

use crate::cli::sandbox::pages::frame::texts;

texts! {
    /// A text of the switchboard.
    Word {
        Title "Switchboard" "故障开关";
        Lead "What is switched on here holds for both tills and for commands. Nothing is simulated: the stand-in backend fails, the gateway decides." "这里开启的故障对两个收费台和命令行都有效。没有任何模拟：是模拟后端真的出故障，由网关来决定。";
        Off "Switch everything off" "全部关闭";
        Reset "Begin afresh: blank phones, nothing on" "重新开始：手机清空，故障全关";
        Backend "Backend" "后端";
        BackendLead "What happens to the next settlement. Queries and reversals go on working, but for the last two." "下一笔结算会怎样。除最后两项外，查询和冲正照常。";
        BackendWorks "works" "正常";
        BackendSlow "slow (2 s)" "慢（2 秒）";
        BackendStall "never answers" "不应答";
        BackendReset "resets the connection" "重置连接";
        BackendHalf "sends half an answer" "只发半个应答";
        BackendError "answers an error of its own" "返回自己的错误";
        BackendDown "is down" "停机";
        BackendMaintenance "in maintenance" "维护中";
        BookedLead "Had it charged before the answer was lost?" "应答丢失之前，它记账了吗？";
        Booked "booked" "已记账";
        NotBooked "not booked" "未记账";
        Scanner "Scanner" "扫码枪";
        ScannerLead "What a till reads that takes the code from a phone." "收费台“从手机读取”时读到什么。";
        ScannerAsShown "what the phone shows" "手机上显示的码";
        ScannerScreenshot "the photograph of a code" "码的截图";
        ScannerSignature "a code that is not signed by its key" "伪造签名的码";
        ScannerSeal "a code made with a stolen signing key alone" "只用被盗签名密钥做的码";
        ScannerKey "a code of an unknown key" "未知密钥的码";
        ScannerRevoked "a code of a revoked key" "已吊销密钥的码";
        ScannerWechatPay "WeChat Pay's own code" "微信付款码";
        ScannerOpaque "the national platform's own code (424…)" "国家平台的码（424…）";
        ScannerIdentity "an identity number" "身份证号";
        Photograph "Photograph the code on phone" "截图：手机";
        PhotographHint "A photograph keeps the code that a phone shows now. Show it to the other till, before or after the phone itself has paid." "截图会留下手机现在显示的码。拿到另一个收费台去扫，在手机本身付款之前或之后都可以。";
        NothingShown "This phone shows no code now: open it on the phone page and activate it." "这部手机现在没有显示码，请在手机页面打开并激活。";
        NoPhotograph "There is no photograph yet: take one on the switchboard." "还没有截图，请先在故障页面截图。";
        Phones "Phones" "手机";
        PhonesLead "The clock of a phone, and what the account states hold. The phone page has the same and more." "手机的时钟，以及账户状态。手机页面有同样的、更多的操作。";
        ClockAhead "Clock ahead, in seconds (-120 to 3600)" "时钟快多少秒（-120 到 3600）";
        SetClock "Set the clock" "拨时钟";
        Freeze "Freeze" "冻结";
        Unfreeze "Unfreeze" "解冻";
        Unbind "Unbind" "解绑";
        Table "Table of spent codes" "已用码表";
        SmallTable "a table of 8 slots" "只有 8 格的已用码表";
        NormalTable "a table of 65,536 slots" "65,536 格的已用码表";
        TableLead "A second gateway with keys of its own: phones show its codes, tills talk to it. Switched on again after some seconds, it refuses as warming_up what it cannot know yet." "另一个有自己密钥的网关：手机显示它的码，收费台连到它。隔几秒再次开启时，它以 warming_up 拒绝还无法确认的码。";
        Load "Load" "负载";
        LoadLead "Payments with codes of invented people, for a minute. Each twentieth code is sent twice." "用虚构人员的码付款，持续一分钟。每 20 个码有一个发送两次。";
        LoadPerS "Codes a second (up to 200)" "每秒多少个码（最多 200）";
        Start "Start" "开始";
        Reasons "Reasons for a refusal" "拒绝的原因";
        ReasonsLead "Each reason of the contract, and how to meet it. The button sends the request for you." "契约里的每一个原因，以及怎样遇到它。按钮会替你发送这个请求。";
        Seen "seen" "已见到";
        NotSeen "not seen yet" "尚未见到";
        Of "of" "/";
        Try "Try it" "试一次";
        NotHere "Not from here" "此处无法产生";
        RequestId "request" "请求号";
        UnknownReason "There is no such reason; allowed: those of the contract that can be met here." "没有这个原因；可用：契约中在这里可以遇到的原因。";
        NoSmallTable "The second gateway does not start; see small/log in the sandbox's directory" "第二个网关没有启动，请看沙箱目录里的 small/log";
        BackendRefuses "The gateway did not take its settings" "网关没有接受设置";
        LoadRange "load_per_s: allowed: 0 to 200" "load_per_s：允许 0 到 200";
        NoSuchPhone "There is no such phone." "没有这部手机。";
    }
}
