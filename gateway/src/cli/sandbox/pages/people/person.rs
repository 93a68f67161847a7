//! The people. They are invented.

use keyring::code::Subject;
use record::SubjectKey;

use crate::web::language::Language;

/// A person, with the number of the voucher.
#[derive(Debug)]
pub(in crate::cli::sandbox::pages) struct Person {
    /// 1 to 5.
    pub(in crate::cli::sandbox::pages) id: u8,
    pub(in crate::cli::sandbox::pages) subject: u64,
    chinese: &'static str,
    english: &'static str,
}

impl Person {
    pub(in crate::cli::sandbox::pages) fn of(id: u8) -> Option<&'static Self> {
        PEOPLE.iter().find(|person| person.id == id)
    }

    /// The `subject_hash` of the person's decisions, as the record has it.
    pub(in crate::cli::sandbox::pages) fn hash(&self, key: &SubjectKey) -> String {
        let subject = Subject::new(self.subject).expect("people have small numbers");
        key.hash(subject).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(in crate::cli::sandbox::pages) const fn name(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Chinese => self.chinese,
        }
    }
}

/// All of them.
pub(in crate::cli::sandbox::pages) static PEOPLE: [Person; 5] = [
    Person { id: 1, subject: 4_201, chinese: "王秀兰", english: "Wang Xiulan" },
    Person { id: 2, subject: 4_202, chinese: "李建国", english: "Li Jianguo" },
    Person { id: 3, subject: 4_203, chinese: "张伟", english: "Zhang Wei" },
    Person { id: 4, subject: 4_204, chinese: "刘洋", english: "Liu Yang" },
    Person { id: 5, subject: 4_205, chinese: "陈静", english: "Chen Jing" },
];
