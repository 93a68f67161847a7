//! Why the stand-in does not do what it is asked for.

/// Why nothing was done. The text is the envelope's `err_msg`: at most 200 characters, for the
/// cashier or for the maker of the hospital system, who both read Chinese.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refused {
    #[error("报文有误：{0}")]
    Malformed(String),
    #[error(
        "测试平台没有这个交易；有 1101、1162、2102、2103、2201、2206、2207、2208、2304、2305、2601"
    )]
    UnknownTransaction,
    #[error("扫到的不是医保码，请患者打开“医保码”再扫")]
    NotACode,
    #[error(
        "电子凭证（01）结算被拒：请求没有验码网关的核销号 Yanma-Redemption，\
         本平台也没有解过这个令牌。请先扫码（1162），再经验码网关提交"
    )]
    NotVouched,
    #[error("重复提交：这个 msgid 已办过，结算号 {setl_id}，本次未再收费")]
    Duplicate { setl_id: String },
    #[error("重复收费被拒：这个核销号已结算过，结算号 {setl_id}，本次未再收费")]
    RedemptionUsed { setl_id: String },
    #[error("未找到原交易：本机构没有以这个 omsgid 办成的 oinfno 交易，没有可冲正的费用")]
    NoOriginal,
    #[error("未找到结算：本机构没有这个结算号 setl_id，不能退费")]
    NoSettlement,
    #[error("该结算已退费，结算号 {setl_id}")]
    Refunded { setl_id: String },
    #[error("该结算已冲正，结算号 {setl_id}")]
    Reversed { setl_id: String },
    #[error("测试平台已记满，请重新启动 yanma sandbox")]
    BookFull,
    #[error("没有这笔")]
    NotInBook,
    #[error("请写明要查哪一笔：redemption，或 institution 和 msgid")]
    NothingNamed,
}

impl Refused {
    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }

    /// The envelope's `infcode`. Never 0, which is done, nor -1, which is unknown: here nothing was
    /// charged. The gateway's own numbers have four digits.
    pub(super) fn infcode(&self) -> i32 {
        match self {
            Self::Malformed(_) | Self::NothingNamed => 1,
            Self::UnknownTransaction => 2,
            Self::NotACode => 3,
            Self::NotVouched => 4,
            Self::Duplicate { .. } => 5,
            Self::RedemptionUsed { .. } => 6,
            Self::NoOriginal => 7,
            Self::NoSettlement => 8,
            Self::Refunded { .. } => 9,
            Self::Reversed { .. } => 10,
            Self::BookFull => 11,
            Self::NotInBook => 12,
        }
    }
}
