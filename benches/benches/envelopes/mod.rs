//! Bodies as hospital systems send them: the envelope of the national interface, made up.

/// A settlement (2207): 870 bytes in UTF-8.
pub(crate) fn settlement() -> String {
    settlement_of(SETTLEMENT)
}

/// The same settlement, its `input` a string of JSON, as some systems write it.
pub(crate) fn settlement_in_a_string() -> String {
    settlement_of(&format!("\"{}\"", SETTLEMENT.replace('"', "\\\"")))
}

/// A list of fees (2204): 26 KB in UTF-8.
pub(crate) fn fee_list() -> String {
    let fees: Vec<String> = (1..=FEES).map(fee).collect();
    envelope("2204", &format!("{{\"feedetail\":[{}]}}", fees.join(",")))
}

const FEES: usize = 56;

const SETTLEMENT: &str = "{\"data\":{\"psn_no\":\"37000000000000000042\",\"mdtrt_cert_type\":\"01\",\
     \"mdtrt_cert_no\":\"2790s501nkyetdn6qhhz9y63ycgwchz89gjjxwfr\",\"med_type\":\"11\",\
     \"medfee_sumamt\":128.5,\"psn_setlway\":\"01\",\"mdtrt_id\":\"202701150042\",\
     \"chrg_bchno\":\"C2027011500042\",\"acct_used_flag\":\"1\",\"insutype\":\"310\",\
     \"invono\":\"\",\"fulamt_ownpay_amt\":0,\"overlmt_selfpay\":0,\
     \"preselfpay_amt\":12.5,\"inscp_scp_amt\":116,\"mid_setl_flag\":\"0\",\
     \"pub_hosp_rfom_flag\":\"0\",\"order_no\":\"42\",\"exp_content\":\"\"}}";

fn settlement_of(input: &str) -> String {
    envelope("2207", input)
}

fn envelope(infno: &str, input: &str) -> String {
    format!(
        "{{\"infno\":\"{infno}\",\"msgid\":\"H37010000001202701151600129999\",\
         \"mdtrtarea_admvs\":\"370100\",\"insuplc_admdvs\":\"370100\",\
         \"recer_sys_code\":\"MBS_LOCAL\",\"dev_no\":\"\",\"dev_safe_info\":\"\",\"cainfo\":\"\",\
         \"signtype\":\"SM3\",\"infver\":\"V1.0\",\"opter_type\":\"1\",\"opter\":\"0421\",\
         \"opter_name\":\"王小明\",\"inf_time\":\"2027-01-15 16:00:12\",\
         \"fixmedins_code\":\"H37010000001\",\"fixmedins_name\":\"济南市第一人民医院\",\
         \"sign_no\":\"370100S000042\",\"input\":{input}}}"
    )
}

fn fee(number: usize) -> String {
    format!(
        "{{\"feedetl_sn\":\"F20270115{number:06}\",\"mdtrt_id\":\"202701150042\",\
         \"psn_no\":\"37000000000000000042\",\"chrg_bchno\":\"C2027011500042\",\
         \"dise_codg\":\"\",\"rxno\":\"RX0042\",\"rx_circ_flag\":\"0\",\
         \"fee_ocur_time\":\"2027-01-15 15:58:00\",\"med_list_codg\":\"XA01ABD075A002010100483\",\
         \"medins_list_codg\":\"Y{number:05}\",\"medins_list_name\":\"阿莫西林胶囊\",\
         \"det_item_fee_sumamt\":12.5,\"cnt\":2,\"pric\":6.25,\"sin_dos_dscr\":\"0.5g\",\
         \"used_frqu_dscr\":\"每日三次\",\"prd_days\":3,\"bilg_dept_name\":\"内科\"}}"
    )
}
