//! What every request says, and the field that marks a stored answer.

pub(super) const HOST: &str = "yanma.loadtest";
/// A settlement request as HIS systems send it, of the usual size.
pub(super) const BODY: &[u8] = br#"{"infno":"2207","msgid":"H37010000001202601010800000001","insuplc_admdvs":"370100","input":{"data":{"mdtrt_id":"202601010001","chrg_bchno":"0001","medfee_sumamt":120}}}"#;
/// Another body of the same length, for a request with a used code that is no retry.
pub(super) const OTHER_BODY: &[u8] = br#"{"infno":"2207","msgid":"H37010000001202601010800000002","insuplc_admdvs":"370100","input":{"data":{"mdtrt_id":"202601010001","chrg_bchno":"0001","medfee_sumamt":120}}}"#;
const _: () = assert!(BODY.len() == OTHER_BODY.len());
/// The field that only stored answers have.
pub(super) const REPLAYED: &str = "idempotent-replayed";
