//! What a person chooses on the phone: place of insurance, payment password, clock.

use super::{
    bodies::{ChangePassword, ChooseRegion, SetClock, Typed},
    kept, regions,
    words::Word,
};
use crate::cli::sandbox::pages::{
    messages::{Asked, Problem},
    people::{Activation, PasswordHash, Phone},
    site::Site,
};

/// # Errors
/// The place is not open, or no place.
pub(super) fn region(site: &Site, id: u8, asked: &Asked) -> Result<(), Problem> {
    let ChooseRegion { region } = asked.json()?;
    let region = regions::chosen(region.as_deref()).map_err(|word| word.problem(asked))?;
    kept::keep_activation(site, id, asked, |activation| activation.region = region)
}

/// # Errors
/// The old password is wrong, or the new one no password.
pub(super) fn password(site: &Site, id: u8, asked: &Asked) -> Result<(), Problem> {
    let ChangePassword { old, new, again } = asked.json()?;
    check_password(&kept::activation(site, id, asked)?, &old, asked)?;
    if !new.is_six_digits() {
        return Err(Word::PasswordForm.problem(asked));
    }
    if again.is_some_and(|again| again != new) {
        return Err(Word::PasswordsDiffer.problem(asked));
    }
    let hash = PasswordHash::of(new.text()).map_err(|error| {
        Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    })?;
    kept::keep_activation(site, id, asked, |activation| activation.password = Some(hash))
}

/// # Errors
/// 403: it is another one.
pub(super) fn check_password(
    activation: &Activation,
    typed: &Typed,
    asked: &Asked,
) -> Result<(), Problem> {
    let is_right = activation.password.as_ref().is_some_and(|hash| hash.holds(typed.text()));
    if is_right { Ok(()) } else { Err(Word::WrongPassword.problem(asked)) }
}

/// # Errors
/// No clock is so far off.
pub(super) fn clock(site: &Site, id: u8, asked: &Asked) -> Result<(), Problem> {
    let SetClock { ahead_s } = asked.json()?;
    if !Phone::is_clock(ahead_s) {
        return Err(Word::WrongClock.problem(asked));
    }
    kept::keep(site, asked, |contents| {
        let phone = contents.phone_mut(id).ok_or_else(|| Word::NotActivated.problem(asked))?;
        phone.clock_ahead_s = ahead_s;
        Ok(())
    })
}
