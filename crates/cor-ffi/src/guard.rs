//! The boundary between C and Rust. What needs care about memory is here and nowhere else.
//!
//! The functions of this module that take raw pointers are called from the exported functions alone. Those are
//! `unsafe`, and their caller, who writes C, promises what the header says: text is NUL-terminated or as long as
//! stated, and outputs and structs are writable and as large as their type or `struct_size`. Handles need no such
//! promise; see [`handles`].

pub(crate) mod handles;
mod signals;
pub(crate) mod text;

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

pub(crate) use handles::{Kind, Object, Pinned, alive, borrow, free, insert};
pub(crate) use signals::NoSigpipe;
pub(crate) use text::c_text;

use crate::error_handle::{ErrorHandle, cor_error};
pub(crate) use crate::failure::Failure;
use crate::status::cor_status;

/// Runs what an exported function does: a panic stops here, and a failure becomes a status and, where the caller
/// wants one, an error.
pub(crate) fn guard(error: *mut *mut cor_error, body: impl FnOnce() -> Result<(), Failure>) -> cor_status {
    if !error.is_aligned() {
        // Nowhere to say more.
        return cor_status::COR_ERR_ARGUMENT;
    }
    // A closure that panicked is gone; what it shared with others is guarded by locks and atomics.
    let ended = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(Failure::panicked(&*panic)));
    let (status, failure) = match ended {
        Ok(()) => (cor_status::COR_OK, None),
        Err(failure) => (failure.status(), Some(failure)),
    };
    if !error.is_null() {
        let handle = failure.and_then(|failure| insert(ErrorHandle::owned(failure)).ok());
        // SAFETY: the caller passed a place for a handle, or NULL, which this is not.
        unsafe { error.write(handle.unwrap_or(std::ptr::null_mut())) };
    }
    status
}

/// Runs a getter, which answers misuse with `nothing`.
pub(crate) fn get<R>(nothing: R, body: impl FnOnce() -> Result<R, Failure>) -> R {
    catch_unwind(AssertUnwindSafe(body)).ok().and_then(Result::ok).unwrap_or(nothing)
}

/// Frees a handle; NULL is none.
pub(crate) fn release<T: Object>(
    handle: *mut T::Opaque,
    name: &str,
    may: impl FnOnce(&T) -> Result<(), Failure>,
) -> cor_status {
    guard(std::ptr::null_mut(), || {
        if handle.is_null() {
            return Ok(());
        }
        let object = borrow::<T>(handle, name)?;
        may(&object)?;
        free(&object)
    })
}

/// NUL-terminated UTF-8 that C passed as `name`. Read during the call only.
pub(crate) fn text<'a>(given: *const c_char, name: &str) -> Result<&'a str, Failure> {
    if given.is_null() {
        return Err(Failure::argument(format!("{name} is NULL")));
    }
    // SAFETY: the caller passed NUL-terminated text that stays as it is during the call.
    utf8(unsafe { CStr::from_ptr(given) }.to_bytes(), name)
}

/// UTF-8 of a stated size that C passed as `name`. NULL is fine where the size is 0.
pub(crate) fn text_n<'a>(given: *const c_char, size: usize, name: &str) -> Result<&'a str, Failure> {
    if size == 0 {
        return Ok("");
    }
    if given.is_null() {
        return Err(Failure::argument(format!("{name} is NULL, and its size is {size}")));
    }
    if size > isize::MAX as usize {
        return Err(Failure::argument(format!("{name} has an impossible size, {size}")));
    }
    // SAFETY: the caller passed this many bytes that stay as they are during the call.
    utf8(unsafe { std::slice::from_raw_parts(given.cast(), size) }, name)
}

fn utf8<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str, Failure> {
    std::str::from_utf8(bytes).map_err(|error| {
        Failure::argument(format!("{name} is not UTF-8 (byte {} is invalid)", error.valid_up_to()))
    })
}

/// What belongs to one thread at a time. It is never waited for: its owner may be a thread that a fork left
/// behind.
pub(crate) fn exclusive<'a, T>(state: &'a Mutex<T>, name: &str) -> Result<MutexGuard<'a, T>, Failure> {
    match state.try_lock() {
        Err(TryLockError::Poisoned(state)) => Ok(state.into_inner()),
        Err(TryLockError::WouldBlock) => Err(in_use(name)),
        Ok(state) => Ok(state),
    }
}

/// What many threads may read while none changes it.
pub(crate) fn reading<'a, T>(state: &'a RwLock<T>, name: &str) -> Result<RwLockReadGuard<'a, T>, Failure> {
    match state.try_read() {
        Err(TryLockError::Poisoned(state)) => Ok(state.into_inner()),
        Err(TryLockError::WouldBlock) => Err(in_use(name)),
        Ok(state) => Ok(state),
    }
}

/// As `exclusive`, for what others may read.
pub(crate) fn changing<'a, T>(state: &'a RwLock<T>, name: &str) -> Result<RwLockWriteGuard<'a, T>, Failure> {
    match state.try_write() {
        Err(TryLockError::Poisoned(state)) => Ok(state.into_inner()),
        Err(TryLockError::WouldBlock) => Err(in_use(name)),
        Ok(state) => Ok(state),
    }
}

fn in_use(name: &str) -> Failure {
    Failure::argument(format!("{name} is in use by another thread; wait until that call has returned"))
}

/// What of a text can be shown, for naming a row whose text is unusable.
pub(crate) fn shown(given: *const c_char) -> String {
    match given.is_null() {
        true => String::new(),
        // SAFETY: as in `text`.
        false => unsafe { CStr::from_ptr(given) }.to_string_lossy().into_owned(),
    }
}

/// As `shown`, for text of a stated size.
pub(crate) fn shown_n(given: *const c_char, size: usize) -> String {
    match given.is_null() || size > isize::MAX as usize {
        true => String::new(),
        false => {
            // SAFETY: as in `text_n`.
            let bytes = unsafe { std::slice::from_raw_parts(given.cast(), size) };
            String::from_utf8_lossy(bytes).into_owned()
        }
    }
}

/// A place for an output that the caller has to have.
pub(crate) struct Out<T>(*mut T);

/// The place that C passed as `name`. It holds `empty` until something is put there.
pub(crate) fn out<T>(place: *mut T, name: &str, empty: T) -> Result<Out<T>, Failure> {
    if place.is_null() || !place.is_aligned() {
        return Err(Failure::argument(format!("{name} is NULL or not aligned for its type")));
    }
    // SAFETY: the caller passed a place of this type.
    unsafe { place.write(empty) };
    Ok(Out(place))
}

impl<T> Out<T> {
    pub(crate) fn put(&self, value: T) {
        // SAFETY: as above; the place is the caller's during the whole call.
        unsafe { self.0.write(value) };
    }
}

/// Makes a handle and puts it into its place.
pub(crate) fn hand_out<T: Object>(place: &Out<*mut T::Opaque>, object: T) -> Result<(), Failure> {
    place.put(insert(object)?);
    Ok(())
}

/// A value that may be missing: written where there is one, and said whether there is.
pub(crate) fn put_optional<T>(place: *mut T, name: &str, value: Option<T>) -> Result<bool, Failure> {
    if place.is_null() || !place.is_aligned() {
        return Err(Failure::argument(format!("{name} is NULL or not aligned for its type")));
    }
    let there = value.is_some();
    if let Some(value) = value {
        // SAFETY: the caller passed a place of this type.
        unsafe { place.write(value) };
    }
    Ok(there)
}

/// A struct that grows: its first member is its size as the caller's compiler knows it.
///
/// # Safety
/// All bytes zero is a value of the type, and its first member is `struct_size: usize`.
pub(crate) unsafe trait Sized_: Copy {}

const SMALLEST: usize = size_of::<usize>();
/// No struct of this library will ever be larger.
const LARGEST: usize = 4096;

fn size_of_struct<T: Sized_>(given: *const T, name: &str) -> Result<usize, Failure> {
    if given.is_null() || !given.is_aligned() {
        return Err(Failure::argument(format!("{name} is NULL or not aligned for its type")));
    }
    // SAFETY: whatever the struct's age, it begins with its size.
    let size = unsafe { given.cast::<usize>().read() };
    match size {
        // No compiler gives a struct another size, and half a pointer is none.
        SMALLEST..=LARGEST if size % align_of::<T>() == 0 => Ok(size),
        _ => Err(Failure::argument(format!(
            "{name} has the struct_size {size}; set it up with its _INIT macro"
        ))),
    }
}

/// The struct that C passed as `name`. Members it does not have yet are zero.
///
/// Members this version does not know have to be zero: an option must not be dropped in silence.
pub(crate) fn read_struct<T: Sized_>(given: *const T, name: &str) -> Result<T, Failure> {
    let size = size_of_struct(given, name)?;
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the caller's struct has `size` bytes, of which we take no more than ours has; zero is a value of every
    // member that is left.
    unsafe {
        let ours = size.min(size_of::<T>());
        std::ptr::copy_nonoverlapping(given.cast::<u8>(), value.as_mut_ptr().cast(), ours);
        let unknown = std::slice::from_raw_parts(given.cast::<u8>().add(ours), size - ours);
        if unknown.iter().any(|byte| *byte != 0) {
            return Err(Failure::argument(format!(
                "{name} sets an option that this version of the library does not have"
            )));
        }
        Ok(value.assume_init())
    }
}

/// A place for a struct, which gets as much as it has room for.
pub(crate) struct OutStruct<T>(*mut T, usize);

/// The place that C passed as `name`; NULL is none.
pub(crate) fn out_struct<T: Sized_>(place: *mut T, name: &str) -> Result<Option<OutStruct<T>>, Failure> {
    match place.is_null() {
        true => Ok(None),
        false => Ok(Some(OutStruct(place, size_of_struct(place, name)?))),
    }
}

impl<T: Sized_> OutStruct<T> {
    /// Writes all but the size, which stays as the caller knows it.
    pub(crate) fn put(&self, value: &T) {
        let ours = self.1.min(size_of::<T>());
        let first = size_of::<usize>();
        let from = std::ptr::from_ref(value).cast::<u8>();
        // SAFETY: both have at least `ours` bytes, and the caller's are nobody else's during the call.
        unsafe {
            std::ptr::copy_nonoverlapping(from.add(first), self.0.cast::<u8>().add(first), ours - first)
        };
    }
}

/// The array of `count` elements that C passed as `name`; NULL is fine where there are none.
pub(crate) fn array<T>(given: *const T, count: usize, name: &str) -> Result<*const T, Failure> {
    if count > 0 && (given.is_null() || !given.is_aligned()) {
        return Err(Failure::argument(format!(
            "{name} is NULL or not aligned for its type, and count is {count}"
        )));
    }
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Failure::argument(format!(
            "count is {count}, which is more than an array of {name} can have"
        )));
    }
    Ok(given)
}

/// The element of an array of which the caller said that it has more than `at`.
pub(crate) fn element<T: Copy>(array: *const T, at: usize) -> T {
    // SAFETY: the caller passed an array of more than `at` elements that stays as it is during the call.
    unsafe { array.add(at).read() }
}

/// Whether C says yes: `bool` as it comes, since a foreign caller may pass any byte.
pub(crate) type cor_bool = u8;

/// Calls a function of the caller's with something to look at.
pub(crate) fn call<T>(
    function: unsafe extern "C" fn(*mut c_void, *const T) -> cor_bool,
    user_data: *mut c_void,
    about: *const T,
) -> bool {
    // SAFETY: the caller passed a function of this type together with its data.
    unsafe { function(user_data, about) != 0 }
}

/// Calls a function of the caller's that has something to fill.
pub(crate) fn call_mut<T>(
    function: unsafe extern "C" fn(*mut c_void, *mut T) -> cor_bool,
    user_data: *mut c_void,
    fill: &mut T,
) -> bool {
    // SAFETY: as above; what is filled is a plain struct of integers and pointers.
    unsafe { function(user_data, fill) != 0 }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct Grown {
        struct_size: usize,
        old: u64,
        new: u64,
    }
    // SAFETY: integers only, the size first.
    unsafe impl Sized_ for Grown {}

    #[test]
    fn no_other_module_has_unsafe_code() {
        // Elsewhere it is part of a signature, an attribute, or a promise about a type.
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let sources = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let others: Vec<_> = sources
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .filter(|path| !path.ends_with("guard.rs"))
            .collect();
        assert!(others.len() > 10, "{others:?}");
        for path in others {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("unsafe {"), "{} does; it belongs into guard.rs", path.display());
        }
    }

    #[test]
    fn panic_becomes_status_and_error() {
        let mut error = ptr::null_mut();
        let status = guard(&mut error, || panic!("on purpose"));
        assert_eq!(status, cor_status::COR_ERR_INTERNAL);
        let text = borrow::<ErrorHandle>(error, "error").unwrap().data.message.clone();
        assert!(text.to_str().unwrap().contains("on purpose"), "{text:?}");
        assert_eq!(release::<ErrorHandle>(error, "error", |_| Ok(())), cor_status::COR_OK);
        assert_eq!(release::<ErrorHandle>(error, "error", |_| Ok(())), cor_status::COR_ERR_ARGUMENT);
    }

    #[test]
    fn structs_may_be_older_and_newer_than_library() {
        let all = Grown { struct_size: size_of::<Grown>(), old: 1, new: 2 };
        assert_eq!(read_struct(&all, "s").ok(), Some(all));
        let older = Grown { struct_size: 16, ..all };
        assert_eq!(read_struct(&older, "s").ok().map(|s| (s.old, s.new)), Some((1, 0)));
        let newer = [size_of::<[usize; 4]>(), 1, 2, 0];
        assert!(read_struct(newer.as_ptr().cast::<Grown>(), "s").is_ok());
        let unknown = [size_of::<[usize; 4]>(), 1, 2, 3];
        assert!(read_struct(unknown.as_ptr().cast::<Grown>(), "s").is_err());
        for struct_size in [0, 1, 7, size_of::<usize>() + 4, usize::MAX] {
            assert!(read_struct(&Grown { struct_size, ..all }, "s").is_err());
        }
        let mut place = Grown { struct_size: 16, old: 0, new: 9 };
        out_struct(&mut place, "s").unwrap().unwrap().put(&all);
        assert_eq!(place, Grown { struct_size: 16, old: 1, new: 9 }, "an older struct is not written past");
    }

    #[test]
    fn refuses_misaligned_error_pointer_first() {
        let mut place = [ptr::null_mut::<cor_error>(); 2];
        let askew = place.as_mut_ptr().cast::<u8>().wrapping_add(1).cast();
        assert_eq!(guard(askew, || panic!("it was called")), cor_status::COR_ERR_ARGUMENT);
    }

    #[test]
    fn refuses_array_of_impossible_size() {
        assert!(array::<u64>(ptr::null(), 0, "rows").is_ok());
        assert!(array::<u64>(ptr::null(), 1, "rows").is_err());
        assert!(array(&7_u64, 1, "rows").is_ok());
        assert!(array(&7_u64, usize::MAX / 8, "rows").is_err());
    }

    #[test]
    fn text_is_utf8_and_shown_without_nul() {
        assert_eq!(text(c"caf\xc3\xa9".as_ptr(), "x").unwrap(), "café");
        assert!(text(c"\xff".as_ptr(), "x").is_err());
        assert!(text(ptr::null(), "x").is_err());
        assert_eq!(text_n(c"abc".as_ptr(), 2, "x").unwrap(), "ab");
        assert_eq!(text_n(ptr::null(), 0, "x").unwrap(), "");
        assert!(text_n(ptr::null(), 1, "x").is_err());
        assert!(text_n(c"a".as_ptr(), usize::MAX, "x").is_err());
        assert_eq!(c_text("a\0b").to_str().unwrap(), "a\u{fffd}b");
    }
}
