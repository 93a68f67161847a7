//! The texts of the phone.

use http::StatusCode;

use crate::cli::sandbox::pages::{
    frame::texts,
    messages::{Asked, Problem},
};

texts! {
    /// A text of the phone.
    Word {
        // The page
        Title "Phone" "手机";
        Phones "Phones" "手机";
        PhoneNumber "Phone" "手机";
        Blank "blank" "未激活";
        NewPhone "New phone" "换新手机";
        AppName "Medical insurance code" "医保码";
        Invented "People are invented. Nothing here is real." "人物均为虚构，这里没有真实数据。";
        NeedsScripts "Account and new codes at a tap need scripts in this browser. The code above is new each time the page is loaded, every 30 seconds." "账户功能和轻按换码需要浏览器启用脚本。上面的码每次载入页面时更新（每 30 秒）。";
        BlankNeedsScripts "Activation needs scripts in this browser." "激活需要浏览器启用脚本。";
        // Activation
        ActivateNow "Activate now" "立即激活";
        BlankLead "See a doctor and buy medicine with one code." "看病、购药，一码通行";
        BlankHint "Sixty seconds each, one payment each." "每个码 60 秒有效，只能付一次";
        StepOf "Step" "步骤";
        Next "Next" "下一步";
        Back "Back" "上一步";
        Consent "Consent" "授权";
        ConsentText "The medical insurance code uses your name, your voucher number and your place of insurance to make codes. You may refuse; then nothing is activated." "医保码将使用您的姓名、编号和参保地来生成码。您可以不同意，不同意就不会激活。";
        Agree "I agree" "同意授权";
        Refuse "Refuse" "不同意";
        Identity "Who are you?" "选择身份";
        IdentityText "Five invented people. Pick one." "五位虚构人物，请选择一位。";
        Proof "Prove that it is you" "核验身份";
        ProofText "You choose what becomes of it." "核验结果由您选择。";
        FacePasses "Face: recognised" "人脸识别：通过";
        FaceFailsLight "Face: bad light" "人脸识别：光线不好";
        FaceFailsNetwork "Face: bad network" "人脸识别：网络不好";
        FaceFailsPhoto "Face: no complete photo on file" "人脸识别：照片不全";
        ByPassword "Account password" "账户密码";
        Region "Place of insurance" "参保地";
        RegionText "Where is this person insured?" "请选择参保地。";
        Later "Choose later" "稍后选择";
        Jinan "Jinan" "济南";
        Shenzhen "Shenzhen" "深圳";
        SamplePlace "Sample City" "示例市";
        IsNotOpen "not open yet" "未开通";
        NotSynced "The insurance data is not synchronised yet (未同步)" "参保信息未同步";
        NotSyncedHint "The gateway then says account_not_ready." "网关会回答 account_not_ready。";
        Password "Payment password" "支付密码";
        PasswordText "Six digits, twice. Never a real one." "六位数字，输入两次。切勿使用真实密码。";
        PasswordOnce "Payment password" "支付密码";
        PasswordTwice "Payment password again" "再次输入支付密码";
        Finish "Activate" "完成激活";
        // Code
        Kinds "Which code" "展码方式";
        DisplayTab "Display code" "展示码";
        PaymentTab "Payment code" "支付码";
        DisplayLabel "Display code of the medical insurance" "医保展示码";
        PaymentLabel "Payment code of the medical insurance" "医保支付码";
        DisplayNote "Only shows who you are. It does not pay." "仅用于核对身份，不能付款";
        Seconds "seconds left" "秒后更新";
        RenewTap "Tap the symbol for a new one" "轻按二维码可更新";
        Renew "New code" "刷新";
        Used "Used" "已使用";
        UsedNote "A new code comes at once." "正在换新码";
        MissingService "Service configuration missing (缺少请求服务配置)" "缺少请求服务配置";
        MissingWhy "No place of insurance is chosen, so no service is configured for this code." "没有选择参保地，所以没有为这个码配置服务。";
        ChooseRegion "Choose the place of insurance" "选择参保地";
        ShowAnyway "Show a code all the same" "仍然出示";
        ShownAnyway "Shown without a place of insurance (000000)." "未选参保地，仍然出示（000000）。";
        Auth "Proof for this payment" "本次付款验证";
        AuthPassword "Payment password" "支付密码";
        AuthFingerprint "Fingerprint" "指纹";
        AuthFace "Face" "面容";
        AuthNone "None" "不验证";
        Confirm "Confirm" "确认";
        WhoseCode "Whose code" "出示谁的码";
        Me "Me" "本人";
        ClockOff "This phone's clock is off by" "这部手机的时钟偏差";
        ClockUnit "s" "秒";
        // What is held
        HeldHolder "Frozen by the holder" "已冻结（本人）";
        HeldHotline "Loss reported to 12393" "已挂失（12393）";
        HeldOperator "Frozen by the operator" "已冻结（经办机构）";
        HeldPending "Insurance data not synchronised" "参保信息未同步";
        HeldUnbound "This phone is unbound: the gateway refuses its codes" "这部手机已解绑：网关不再接受它的码";
        Until "until" "至";
        WithoutEnd "without end" "长期";
        OfMember "member" "成员";
        Lift "Lift" "解除";
        Synced "Data has come" "同步完成";
        Reactivate "Activate again" "重新激活";
        Acknowledged "The gateway has acknowledged it at" "网关已确认，时间";
        HonouredFrom "Every node honours it from" "所有节点最迟执行于";
        Unchanged "It was so already." "状态没有变化。";
        // Account
        Account "Account" "账户";
        Freeze "Freeze" "冻结";
        Unfreeze "Unfreeze" "解冻";
        ReportLoss "Report loss 12393" "挂失 12393";
        Unbind "Unbind" "解绑";
        Family "Family account" "亲情账户";
        Usage "Usage" "使用明细";
        ChangePassword "Change password" "修改支付密码";
        PhoneClock "Phone clock" "手机时钟";
        Name "Name" "姓名";
        Voucher "Number" "编号";
        Epoch "Device" "设备序号";
        Hotline "Hotline 12393, the operator's screen" "12393 热线 · 坐席屏幕";
        HotlineText "A person calls: the phone is lost. The operator checks name and number, then reports the loss. It holds for 15 days." "来电人说手机丢了。坐席核对姓名和编号后登记挂失，有效 15 天。";
        HotlineConfirm "Identity checked, report the loss" "身份已核对，登记挂失";
        NewPhoneText "Activate the same person on another phone. This one is unbound and goes on showing codes: scan one, and see it refused." "在另一部手机上激活同一个人。这部手机会被解绑，但还会继续出码：扫一下，看网关拒绝。";
        NewPhoneGo "Activate on a new phone" "在新手机上激活";
        NoRoom "There is no room for another phone." "不能再增加手机。";
        FamilyText "Five members at most. Pick whose code is shown above." "最多五位成员。可在上方选择出示谁的码。";
        MemberName "Name of the member" "成员姓名";
        AddMember "Add member" "添加成员";
        RemoveMember "Remove" "解除绑定";
        Member "Member" "成员";
        NoMembers "No members yet." "还没有成员。";
        WaitsFor "usable in seconds:" "可用前还需（秒）：";
        UsageText "From the gateway's decision record. The record knows a hash of the person, not the number." "来自网关的决策记录。记录里只有人员的哈希，没有编号。";
        NoUsage "No use yet." "还没有使用记录。";
        LetThrough "Let through to the backend" "已放行";
        AnsweredAgain "Answered again, not sent again" "重复应答，未再次发送";
        Refresh "Refresh" "更新";
        OldPassword "Password now" "原支付密码";
        NewPassword "New password" "新支付密码";
        NewPasswordTwice "New password again" "再次输入新密码";
        Save "Save" "保存";
        Saved "Saved." "已保存。";
        ClockText "How many seconds the clock of this phone is ahead, from -120 to 3600. Codes carry its time." "这部手机的时钟快多少秒，-120 到 3600。码里写的是手机的时间。";
        ClockAhead "Seconds ahead" "快多少秒";
        // Problems
        NoPhone "There is no such phone; allowed: a number of /sandbox/state, or the next one for a new phone." "没有这部手机；可用：/sandbox/state 里的编号，或下一个编号（新手机）。";
        NoVerb "There is no such verb; allowed: activate region password show freeze unfreeze report-loss unbind member-add member-remove clock." "没有这个动作；可用：activate region password show freeze unfreeze report-loss unbind member-add member-remove clock。";
        NotActivated "No code is activated on this phone; activate it first." "这部手机还没有激活医保码，请先立即激活。";
        NotKept "The phones cannot be kept on disk" "手机状态无法写入磁盘";
        NoConsent "Without consent nothing is activated. Agree, or leave it." "未同意授权，没有激活。同意后才能继续。";
        WrongPerson "There is no such person; allowed: 1 to 5." "没有这个人；可用：1 到 5。";
        FaceLight "The face was not recognised: bad light. Go where it is brighter and try again, or use the password." "人脸识别失败：光线不好。请到光线充足的地方重试，或改用密码。";
        FaceNetwork "The face was not recognised: the network is bad. Try again on another network, or use the password." "人脸识别失败：网络不好。请更换网络后重试，或改用密码。";
        FacePhoto "The face was not recognised: the photo on file is not complete. Use the password, or have the photo renewed." "人脸识别失败：公安照片不全。请改用密码，或先更新照片。";
        NotOpen "This place of insurance has not opened the code yet (未开通). Choose another one, or later." "该参保地尚未开通医保码（未开通）。请选择其他参保地，或稍后选择。";
        WrongRegion "The place of insurance is not right; allowed: six digits such as 370100, or null for later." "参保地不对；可用：六位数字，例如 370100，或 null（稍后选择）。";
        PasswordForm "A payment password has six digits." "支付密码必须是六位数字。";
        PasswordsDiffer "The two passwords differ. Type the same six digits twice." "两次输入的密码不一致，请重新输入相同的六位数字。";
        WrongPassword "The payment password is wrong. Try again." "支付密码不正确，请重试。";
        NoEpoch "This person has had too many phones; begin with a new directory (--data)." "这个人激活过的手机太多；请换一个新目录（--data）重新开始。";
        WrongClock "The clock is not right; allowed: -120 to 3600 seconds ahead." "时钟不对；可用：快 -120 到 3600 秒。";
        WrongKind "kind is not right; allowed: payment, display." "kind 不对；可用：payment、display。";
        WrongAuth "auth is not right; allowed: none, password, fingerprint, face." "auth 不对；可用：none、password、fingerprint、face。";
        WrongCause "cause is not right; allowed: holder, hotline, operator, pending." "cause 不对；可用：holder、hotline、operator、pending。";
        WrongRelation "relation is not right; allowed: 0 (all) to 5." "relation 不对；可用：0（全部）到 5。";
        WrongName "The name is too long or has strange letters; allowed: 20 letters." "姓名太长或含有特殊字符；最多 20 个字。";
        NoMember "There is no such member in the family account; add it first." "亲情账户里没有这位成员，请先添加。";
        FamilyFull "The family account is full: five members at most. Remove one first." "亲情账户最多五位成员，请先解除一位。";
        MemberMeanwhile "Another member took this place meanwhile. Add it again." "这个位置刚被另一位成员占用，请再添加一次。";
        NoRegion "Service configuration missing (缺少请求服务配置): no place of insurance is chosen. Choose one, or ask with without_region." "缺少请求服务配置：没有选择参保地。请先选择参保地，或用 without_region 仍然出示。";
    }
}

impl Word {
    /// The same as an answer of an endpoint.
    pub(super) fn problem(self, asked: &Asked) -> Problem {
        let status = match self {
            Self::NoPhone | Self::NoVerb => StatusCode::NOT_FOUND,
            Self::WrongPassword => StatusCode::FORBIDDEN,
            Self::WrongPerson
            | Self::WrongRegion
            | Self::PasswordForm
            | Self::PasswordsDiffer
            | Self::WrongClock
            | Self::WrongKind
            | Self::WrongAuth
            | Self::WrongCause
            | Self::WrongRelation
            | Self::WrongName => StatusCode::BAD_REQUEST,
            _ => StatusCode::CONFLICT,
        };
        Problem::new(status, self.in_language(asked.language))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_in_both_languages() {
        for word in Word::ALL {
            assert!(!word.chinese().is_ascii() && !word.english().is_empty(), "{word:?}");
        }
    }
}
