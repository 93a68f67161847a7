use super::*;

#[test]
fn each_word_has_a_text_in_each_language() {
    for word in Word::ALL {
        assert!(!word.english().is_empty() && word.english().is_ascii(), "{word:?}");
        assert!(!word.chinese().is_empty(), "{word:?}");
    }
}

#[test]
fn a_second_arrival_is_told_without_scripts_too() {
    let counters = |count: u64, names: &[&str]| {
        serde_json::json!({
            "standin": {"arrived_twice": count, "redemptions_arrived_twice": names}
        })
    };
    let none = twice(&counters(0, &[]), Language::Chinese).into_string();
    assert!(none.contains(" hidden"), "{none}");
    let one = twice(&counters(1, &["7001-1-2"]), Language::Chinese).into_string();
    assert!(!one.contains(" hidden") && one.contains("核销编号： 7001-1-2"), "{one}");
}

#[test]
fn no_word_beside_a_refusals_sentence_says_that_money_was_taken() {
    for word in [Word::Passed, Word::Replayed, Word::Refused, Word::Unknown, Word::Failed] {
        for done in ["成功", "已收", "已结算", "已冲正", "没有这笔"] {
            assert!(!word.chinese().contains(done), "{word:?}");
        }
    }
}
