use super::*;

const FREE: usize = limits::BODY_FREE_BYTES;

fn room(memory: &Arc<BodyMemory>) -> Room<'_> {
    Room { memory, memory_max: Some(1 << 20), bytes_max: 8 * FREE }
}

fn piece(len: usize) -> Bytes {
    Bytes::from(vec![7; len])
}

#[test]
fn a_body_in_one_piece_is_not_copied_and_a_usual_one_not_counted() {
    let memory = Arc::default();
    let (mut pieces, data) = (Pieces::default(), piece(FREE));
    let address = data.as_ptr();
    pieces.append(data, None, &room(&memory)).unwrap();
    let whole = pieces.join();
    assert_eq!((whole.as_bytes().as_ptr(), whole._held.is_some()), (address, false));
}

#[test]
fn what_is_counted_is_what_is_taken_and_no_more_than_can_come() {
    for (declared, taken) in [(None, 4 * FREE), (Some(3 * FREE), 3 * FREE)] {
        let memory = Arc::default();
        let mut pieces = Pieces::default();
        for _ in 0..3 {
            pieces.append(piece(FREE), declared, &room(&memory)).unwrap();
        }
        assert_eq!(pieces.rest.capacity(), taken, "{declared:?}");
        assert_eq!(memory.bytes(), taken - FREE, "{declared:?}");
        let whole = pieces.join();
        assert_eq!(whole.as_bytes(), vec![7; 3 * FREE], "{declared:?}");
        assert_eq!(memory.bytes(), taken - FREE, "held with the body");
        drop(whole);
        assert_eq!(memory.bytes(), 0);
    }
}

#[test]
fn a_large_body_goes_out_in_pieces_and_is_held_to_its_last() {
    let memory = Arc::default();
    let mut pieces = Pieces::default();
    let len = limits::BODY_PIECE_BYTES + 1;
    pieces.append(piece(len), None, &Room { bytes_max: len, ..room(&memory) }).unwrap();
    let mut whole = pieces.join();
    let next = |whole: &mut Whole| whole.next_frame().map(|f| f.into_data().unwrap().len());
    assert_eq!(whole.size_hint().exact(), u64::try_from(len).ok());
    assert_eq!(next(&mut whole), Some(limits::BODY_PIECE_BYTES));
    assert!(!whole.is_end_stream() && memory.bytes() > 0);
    assert_eq!(next(&mut whole), Some(1));
    assert!(whole.is_end_stream());
}

#[test]
fn without_room_a_body_is_cut_and_takes_nothing() {
    let memory = Arc::default();
    let room = Room { memory_max: Some(FREE), ..room(&memory) };
    let mut pieces = Pieces::default();
    pieces.append(piece(FREE), Some(4 * FREE), &room).unwrap();
    assert_eq!(pieces.append(piece(FREE), Some(4 * FREE), &room), Err(NoRoom));
    drop(pieces.cut(Unread::NoRoom));
    assert_eq!(memory.bytes(), 0);
}
