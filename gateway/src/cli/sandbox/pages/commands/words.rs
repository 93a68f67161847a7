//! The texts of the page.

use crate::cli::sandbox::pages::frame::texts;

texts! {
    /// A text of the page.
    Word {
        Title "Commands to paste" "可粘贴的命令";
        Lead "Each command works at any time, in any order, in a POSIX shell on this machine. It needs curl." "每条命令随时可用，不分先后，在本机的 POSIX shell 里运行，需要 curl。";
        InFile "The same as a file:" "同样内容的文件：";
        Contents "Groups of commands" "命令分组";
        Expected "Expected:" "预期：";
        Copy "Copy" "复制";
        Copied "Copied" "已复制";
        Marked "Marked: press Ctrl-C" "已选中，请按 Ctrl-C";
        MakingCodes "Make codes" "生成码";
        Paying "Pay" "收费";
        Looking "Look at codes and at the gateway" "查看码和网关";
        Hospitals "As a hospital system does" "医院系统的做法";
        Visits "One scan for a whole visit" "一次扫码完成整个就诊";
        Accounts "Freeze, unbind, family" "冻结、解绑、亲情账户";
        Backends "The backend fails" "后端出错";
        Codes "The code is bad" "码有问题";
        Texts "It is no code of ours" "不是本系统的码";
        Routes "The code does not fit the route" "码不适用于该路由";
        Requests "The request is wrong" "请求有误";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_a_text_in_each_language() {
        for word in Word::ALL {
            assert!(!word.english().is_empty() && word.english().is_ascii(), "{word:?}");
            assert!(!word.chinese().is_empty(), "{word:?}");
        }
    }
}
