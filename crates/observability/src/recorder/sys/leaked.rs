//! A static that points to something that lives for ever, and can be pointed elsewhere.
//!
//! Position: holds the global recorder, which every span start reads.
#![allow(
    unsafe_code,
    reason = "one dereference of a pointer that came from a `&'static`"
)]

use std::sync::atomic::{AtomicPtr, Ordering};

/// An optional `&'static T` that can be replaced atomically.
#[derive(Debug)]
pub(crate) struct AtomicStatic<T: 'static>(AtomicPtr<T>);

impl<T: Sync> AtomicStatic<T> {
    pub(crate) const fn none() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: the pointer is null or was made from a `&'static T` below; nobody writes
        // through it, and `T: Sync` lets every thread read.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Sets a value where there is none; returns the one that is there then.
    pub(crate) fn get_or_set(&self, value: &'static T) -> &'static T {
        let fresh = std::ptr::from_ref(value).cast_mut();
        let (null, order) = (std::ptr::null_mut(), Ordering::AcqRel);
        match self
            .0
            .compare_exchange(null, fresh, order, Ordering::Acquire)
        {
            Ok(_) => value,
            Err(_) => self.get().unwrap_or(value),
        }
    }

    /// Takes the value away if it is this one; another stays.
    pub(crate) fn clear_if(&self, value: &'static T) {
        let (old, null) = (std::ptr::from_ref(value).cast_mut(), std::ptr::null_mut());
        let _stays = self
            .0
            .compare_exchange(old, null, Ordering::AcqRel, Ordering::Relaxed)
            .is_err();
    }

    pub(crate) fn set(&self, value: Option<&'static T>) {
        let pointer = value.map_or(std::ptr::null(), std::ptr::from_ref);
        self.0.store(pointer.cast_mut(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ONE: u8 = 1;
    static OTHER: u8 = 2;

    #[test]
    fn only_the_value_that_is_named_is_taken_away() {
        let place = AtomicStatic::none();
        place.set(Some(&ONE));
        place.clear_if(&OTHER);
        assert_eq!(place.get(), Some(&ONE));
        place.clear_if(&ONE);
        assert_eq!(place.get(), None);
        assert_eq!(place.get_or_set(&OTHER), &OTHER);
    }
}
