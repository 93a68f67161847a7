//! The texts of the till. No fixed text says what only an answer may say: that money was taken, or
//! what the book holds.

use crate::cli::sandbox::pages::frame::texts;

texts! {
    /// A text of the till's page.
    Word {
        Till "Till" "收费台";
        Hospital "hospital" "医院";
        Pharmacy "pharmacy" "药店";
        Tills "The two tills" "两个收费台";
        Box "Scan the patient's code here" "在此扫患者的医保码";
        Read "Read" "读取";
        Take "Take from the phone" "从手机读取";
        WhichPhone "Which phone" "哪部手机";
        Newest "the newest code" "最新的码";
        Phone "Phone" "手机";
        Camera "Camera" "摄像头";
        CameraOff "Switch the camera off" "关闭摄像头";
        CameraLooks "Hold the code in front of the camera." "请把码对准摄像头。";
        CameraNone "There is no camera here. Use a scanner, paste the digits, or take the code from the phone." "这里没有摄像头。请用扫码枪、粘贴数字，或从手机读取。";
        CameraRefused "The camera was not allowed. Allow it in the browser's address bar, or use a scanner." "摄像头未获允许。请在浏览器地址栏允许，或用扫码枪。";
        CameraShared "A browser gives its camera only to pages of this machine (127.0.0.1). Use a scanner, or take the code from the phone." "浏览器只把摄像头给本机页面（127.0.0.1）。请用扫码枪，或从手机读取。";
        CameraFailed "The camera does not work:" "摄像头无法使用：";
        Ready "Ready. Scan a code." "就绪，请扫码。";
        Settle "Charge" "收费";
        Query "Query" "查询";
        Reverse "Reverse" "冲正";
        Retry "Send the same again" "原样重发";
        Charging "Charging" "收费状态";
        On "on" "可以收费";
        OffUnknown "Off: what became of this bill is not known. Query first." "已停用：这笔的结果不明，先点“查询”。";
        OffNotFound "Off: reverse first, so that a late request cannot charge. Then scan again." "已停用：先点“冲正”，以防迟到的请求再扣款，然后重新扫码。";
        Busy "Waits for the answer …" "等待应答……";
        Bill "Bill" "账单号";
        Amount "Total" "总额";
        Left "The pass is good for" "本次扫码还有效";
        Seconds "s" "秒";
        Over "over: scan again" "已超时，请重扫";
        Title "Title" "原因";
        Action "Action" "处理";
        ErrorCode "Error code" "错误码";
        RequestId "Request id" "请求号";
        Redemption "Redemption" "核销号";
        Copy "Copy" "复制";
        Copied "Copied" "已复制";
        Exchange "The exchange, for developers" "报文（给开发者）";
        Request "Request" "请求";
        Response "Response" "应答";
        NoResponse "No answer came." "没有应答。";
        Milliseconds "ms" "毫秒";
        Replayed "The same answer as before: the request was not forwarded again." "与上次相同的应答：请求没有再次转发。";
        NoScripts "This till needs scripts. Without them its requests can be sent from a terminal: see Commands." "收费台需要脚本。没有脚本时，可在终端发送同样的请求，见“命令”页。";
        Rescan "Ask the patient for a new code, then scan again." "请患者刷新后重扫。";
        Resend "Send the same again; the code is still good." "可以原样重发，码仍然有效。";
        QueryFirst "Query before anything else." "先查询，再做别的。";
        Wait "Wait, then send the same again." "请稍候，再原样重发。";
        Patient "The patient changes something on the phone, then scan again." "请患者在手机上处理，再扫码。";
        Vendor "Tell the vendor of the hospital system." "请告知系统厂商。";
        Operator "Tell the information department." "请告知信息科。";
    }
}

texts! {
    /// What an answer means, in the largest letters.
    Headline {
        Accepted "Code accepted" "扫码通过";
        Known "Person known" "身份已确认";
        ToPay "You pay" "您需付";
        Received "Done, received" "成功，已收";
        Taken "Reversal done" "冲正完成";
        NothingTaken "Nothing to reverse" "无需冲正";
        Refused "Refused by the gateway" "网关未受理";
        Unknown "Outcome unknown" "结果未知";
        Silent "No answer" "没有应答";
        Backend "The settlement system says" "结算平台答复";
        BookSettled "Book: settled" "账本：已结算";
        BookReversed "Book: reversed" "账本：已冲正";
        BookRefunded "Book: refunded" "账本：已退费";
        BookNone "Book: no such payment" "账本：没有这笔";
    }
}

texts! {
    /// Why a till does nothing.
    Objection {
        Busy "This till waits for an answer. Wait for it." "本收费台正在等待应答，请稍候。";
        NoCode "Name a code: {\"code\": \"<digits>\"}, or {\"phone\": \"newest\"} for the one that a phone shows." "请给出码：{\"code\": \"<数字>\"}，或用 {\"phone\": \"newest\"} 读取手机正展示的码。";
        TooLong "A code has at most 512 characters." "码最多 512 个字符。";
        Amount "An amount has up to six digits and two behind the point, and is more than 0: 100.00" "金额最多六位整数、两位小数，且大于 0，如 100.00";
        Fault "fault is error, stall, reset or half; the last three also with -booked" "fault 只能是 error、stall、reset、half，后三者可加 -booked";
        Off "Charging is off: what became of the last bill is not known. Query first." "收费已停用：上一笔的结果不明，请先查询。";
        ReverseFirst "Charging is off: the book has no such payment. Reverse first, so that a late request cannot charge." "收费已停用：账上查不到上一笔。请先冲正，以防迟到的请求再扣款。";
        QueryFirst "Query first. Only what the book did not find, or has settled, is reversed." "请先查询；查询之后才能冲正。";
        NoVisit "Scan a code first." "请先扫码。";
        Finished "This bill is finished. Scan the next code." "本单已完成，请扫下一位患者的码。";
        NothingToAsk "There is nothing to query yet. Scan a code first." "还没有可查的账单，请先扫码。";
        NothingToReverse "There is nothing to reverse at this till." "本收费台没有可冲正的账单。";
        NothingToRepeat "Nothing was sent yet." "还没有发送过请求。";
    }
}
