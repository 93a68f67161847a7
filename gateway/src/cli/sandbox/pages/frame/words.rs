//! The texts of the frame and of the first page.

use crate::cli::sandbox::pages::frame::texts;

texts! {
    /// A text of the frame.
    Word {
        Skip "Skip to the page" "跳到正文";
        Languages "Language" "语言";
        Pages "Pages" "页面";
        Gone "The sandbox does not answer. It may have ended: look at its terminal." "沙箱没有应答，可能已经结束，请看它的终端。";
        SwitchedOn "Switched on" "已开启";
        Sandbox "Sandbox" "沙箱";
        Phone "Phone" "手机";
        Till "Till" "收费台";
        Faults "Faults" "故障";
        Live "Live" "实况";
        Commands "Commands" "命令";
        AboutPhone "Activate a medical insurance code and show it. It lives for 60 seconds and pays once." "激活医保码并展示。每个码 60 秒有效，只能付一次。";
        AboutTill "Scan the code and charge, as a cashier does. Then try to charge it again." "像收费员一样扫码、收费，然后试试再收一次。";
        AboutFaults "Cut the backend in the middle, set the clock wrong, forge a code: see what the gateway does." "在结算中途切断后端、拨错时钟、伪造码，看网关怎么做。";
        AboutLive "What the gateway decides, each request as it comes." "网关的每一个决定，随到随看。";
        AboutCommands "The same by hand: commands to paste into a terminal." "手工做同样的事：可粘贴到终端的命令。";
        Lead "A medical insurance code, a till, and the gateway that checks each scan between them. All runs on this machine; people and money are invented." "一个医保码、一个收费台，以及中间核对每次扫码的网关。全部在本机运行，人和钱都是虚构的。";
        FirstSteps "Three steps" "三步体验";
        StepOne "Open the phone and activate a code." "打开手机，激活医保码。";
        StepTwo "Open the till beside it, take the code from the phone and charge." "在旁边打开收费台，从手机读取码，然后收费。";
        StepThree "Charge the same code again at the other till, or cut the backend first." "在另一个收费台再收同一个码，或者先切断后端。";
        GoldenRule "Golden rule: sent this code before and got no answer? Query first, whatever the reason says now." "黄金规则：这个码以前发送过、却没有收到应答？不管现在返回什么原因，先查询。";
        WhereItRuns "Where it runs" "运行在哪里";
        Gateway "Gateway" "网关";
        Admin "For operators (live page of the node)" "给运维（节点实时页面）";
        StandIn "Stand-in settlement backend" "模拟结算后端";
    }
}
