//! What goes at once into a pipe that other processes may write into, too.

use std::io::IoSlice;

use rustix::pipe::PIPE_BUF;

/// The first bytes, as many as a pipe takes without mixing them with what other
/// processes write. If more are left, they end with a line, if one ends in there.
pub(super) fn first_piece<'a>(bytes: &'a [IoSlice<'_>]) -> Vec<IoSlice<'a>> {
    let mut room = PIPE_BUF;
    let mut piece = Vec::new();
    for slice in bytes {
        let part = &slice[..slice.len().min(room)];
        piece.push(part);
        room -= part.len();
        if part.len() < slice.len() {
            end_with_line(&mut piece);
            break;
        }
    }
    piece.into_iter().map(IoSlice::new).collect()
}

/// Drops what lies behind the last end of a line, if there is one.
fn end_with_line(parts: &mut Vec<&[u8]>) {
    let last = parts.iter().enumerate().rev().find_map(|(number, part)| {
        let at = part.iter().rposition(|&byte| byte == b'\n')?;
        Some((number, at))
    });
    if let Some((number, at)) = last {
        parts.truncate(number + 1);
        parts[number] = &parts[number][..=at];
    }
}
