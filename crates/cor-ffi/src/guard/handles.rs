//! Handles that can be checked: a table of slots that are reused and never given back.
//!
//! What C holds as a `cor_client *` is no address. It is an odd number made of a slot, the generation of that slot
//! and the kind of its object:
//!
//! ```text
//! 64 bit:  generation 32 | slot 27 | kind 4 | 1        32 bit:  generation 9 | slot 18 | kind 4 | 1
//! ```
//!
//! So a handle that was freed, one of another kind, and a pointer to something else are recognised without ever
//! following them. Looking one up takes two atomic operations and no lock: a lock that another thread holds while
//! the process forks would stay locked in the child for ever.

use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering::*};

use super::Failure;

/// What a handle stands for. Zero is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Config = 1,
    Client,
    Update,
    Project,
    Error,
    Bulk,
    Item,
    Create,
    Deleted,
    AuthStatus,
}

impl Kind {
    const ALL: [(Kind, &'static str); 10] = [
        (Kind::Config, "cor_config"),
        (Kind::Client, "cor_client"),
        (Kind::Update, "cor_update"),
        (Kind::Project, "cor_project"),
        (Kind::Error, "cor_error"),
        (Kind::Bulk, "cor_bulk"),
        (Kind::Item, "cor_item_result"),
        (Kind::Create, "cor_create"),
        (Kind::Deleted, "cor_deleted"),
        (Kind::AuthStatus, "cor_auth_status"),
    ];

    fn name(number: usize) -> Option<&'static str> {
        Kind::ALL.iter().find(|(kind, _)| *kind as usize == number).map(|(_, name)| *name)
    }
}

/// An object behind a handle. `Opaque` is the type C knows it by.
pub(crate) trait Object: Send + Sync + 'static {
    const KIND: Kind;
    type Opaque;
}

const KIND_SHIFT: u32 = 1;
const SLOT_SHIFT: u32 = 5;
const SLOT_BITS: u32 = if usize::BITS >= 64 { 27 } else { 18 };
const GENERATION_SHIFT: u32 = SLOT_SHIFT + SLOT_BITS;
const GENERATION_MASK: u32 = if usize::BITS >= 64 { u32::MAX } else { (1 << 9) - 1 };

/// State of a slot: `generation 32 | live 1 | kind 7 | pins 24`. Pins count those who use the object right now.
const LIVE: u64 = 1 << 31;
const PINS: u64 = (1 << 24) - 1;

const fn state(generation: u32, kind: Kind) -> u64 {
    ((generation as u64) << 32) | LIVE | ((kind as u64) << 24)
}

struct Slot {
    state: AtomicU64,
    /// The object's box; written while no thread uses the slot.
    object: AtomicPtr<()>,
    /// The next free slot, plus one.
    next: AtomicU32,
}

/// Segment `n` has `64 << n` slots, so that no slot ever moves.
const SEGMENTS: usize = 22;
const FIRST: usize = 64;

struct Table {
    segments: [AtomicPtr<Slot>; SEGMENTS],
    /// Slots ever used.
    used: AtomicU32,
    /// The free slots as a stack: `tag 32 | first, plus one`. The tag changes with each change of the stack.
    free: AtomicU64,
    alive: AtomicU64,
}

static TABLE: Table = Table {
    segments: [const { AtomicPtr::new(ptr::null_mut()) }; SEGMENTS],
    used: AtomicU32::new(0),
    free: AtomicU64::new(0),
    alive: AtomicU64::new(0),
};

impl Table {
    fn place(index: u32) -> (usize, usize) {
        let at = index as usize + FIRST;
        let segment = (at.ilog2() - FIRST.ilog2()) as usize;
        (segment, at - (FIRST << segment))
    }

    /// The slot, if it was ever made.
    fn get(&self, index: u32) -> Option<&Slot> {
        let (segment, at) = Table::place(index);
        let first = self.segments.get(segment)?.load(Acquire);
        // SAFETY: a segment is published whole, has `FIRST << segment` slots, and is never freed.
        (!first.is_null()).then(|| unsafe { &*first.add(at) })
    }

    fn get_or_make(&self, index: u32) -> Option<&Slot> {
        if let Some(slot) = self.get(index) {
            return Some(slot);
        }
        let (segment, _) = Table::place(index);
        let empty =
            || Slot { state: AtomicU64::new(0), object: AtomicPtr::default(), next: AtomicU32::new(0) };
        let made: Box<[Slot]> = (0..FIRST << segment).map(|_| empty()).collect();
        let first = Box::into_raw(made);
        let published =
            self.segments.get(segment)?.compare_exchange(ptr::null_mut(), first.cast(), AcqRel, Acquire);
        if published.is_err() {
            // SAFETY: another thread published its segment first; ours came from a box and nobody has seen it.
            drop(unsafe { Box::from_raw(first) });
        }
        self.get(index)
    }

    fn take(&self) -> Option<u32> {
        let mut head = self.free.load(Acquire);
        while let Some(index) = (head as u32).checked_sub(1) {
            let next = self.get(index)?.next.load(Relaxed);
            match self.free.compare_exchange_weak(head, after(head, next), AcqRel, Acquire) {
                Ok(_) => return Some(index),
                Err(now) => head = now,
            }
        }
        let more = |used: u32| (used < (1 << SLOT_BITS)).then_some(used + 1);
        self.used.fetch_update(Relaxed, Relaxed, more).ok()
    }

    fn give_back(&self, slot: &Slot, index: u32) {
        let mut head = self.free.load(Relaxed);
        loop {
            slot.next.store(head as u32, Relaxed);
            match self.free.compare_exchange_weak(head, after(head, index + 1), AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

/// The free stack's head once `first` is on top.
fn after(head: u64, first: u32) -> u64 {
    ((head >> 32).wrapping_add(1) << 32) | u64::from(first)
}

/// A handle taken apart.
#[derive(Clone, Copy)]
struct Parts {
    kind: usize,
    index: u32,
    generation: u32,
}

fn split(handle: usize) -> Option<Parts> {
    (handle & 1 == 1).then_some(Parts {
        kind: (handle >> KIND_SHIFT) & 15,
        index: ((handle >> SLOT_SHIFT) & ((1 << SLOT_BITS) - 1)) as u32,
        generation: (handle >> GENERATION_SHIFT) as u32 & GENERATION_MASK,
    })
}

/// Puts an object into the table. The handle is its only owner.
pub(crate) fn insert<T: Object>(object: T) -> Result<*mut T::Opaque, Failure> {
    let full = || Failure::internal("there are too many handles; free those that are no longer needed");
    let index = TABLE.take().ok_or_else(full)?;
    let slot = TABLE.get_or_make(index).ok_or_else(full)?;
    let generation = (slot.state.load(Relaxed) >> 32) as u32 & GENERATION_MASK;
    slot.object.store(Box::into_raw(Box::new(object)).cast(), Relaxed);
    slot.state.store(state(generation, T::KIND), Release);
    TABLE.alive.fetch_add(1, Relaxed);
    let handle = ((generation as usize) << GENERATION_SHIFT)
        | ((index as usize) << SLOT_SHIFT)
        | ((T::KIND as usize) << KIND_SHIFT)
        | 1;
    Ok(ptr::without_provenance_mut(handle))
}

/// How many handles there are.
pub(crate) fn alive() -> u64 {
    TABLE.alive.load(Relaxed)
}

/// An object in use: it stays until the last of these is gone, even if its handle is freed meanwhile.
pub(crate) struct Pinned<T: Object> {
    slot: &'static Slot,
    index: u32,
    object: *const T,
}

/// The object of a handle that C passed as `name`.
pub(crate) fn borrow<T: Object>(handle: *const T::Opaque, name: &str) -> Result<Pinned<T>, Failure> {
    let wrong = || Err(wrong(handle.addr(), T::KIND, name));
    let Some(parts) = split(handle.addr()) else { return wrong() };
    let Some(slot) = TABLE.get(parts.index) else { return wrong() };
    let mut now = slot.state.load(Acquire);
    loop {
        if now & !PINS != state(parts.generation, T::KIND) || parts.kind != T::KIND as usize {
            return wrong();
        }
        if now & PINS == PINS {
            return Err(Failure::internal(format!("{name} is in use too many times at once")));
        }
        match slot.state.compare_exchange_weak(now, now + 1, Acquire, Acquire) {
            Ok(_) => break,
            Err(other) => now = other,
        }
    }
    let object = slot.object.load(Relaxed).cast_const().cast();
    Ok(Pinned { slot, index: parts.index, object })
}

/// Why a handle cannot be used where one of `kind` is wanted.
#[cold]
fn wrong(handle: usize, kind: Kind, name: &str) -> Failure {
    let wanted = Kind::name(kind as usize).unwrap_or_default();
    let given = split(handle).filter(|parts| TABLE.get(parts.index).is_some());
    let given = given.and_then(|parts| Kind::name(parts.kind));
    Failure::argument(match given {
        _ if handle == 0 => format!("{name} is NULL; it must be a {wanted}"),
        None => format!("{name} is not a handle of this library"),
        Some(given) if given != wanted => format!("{name} is a {given}; it must be a {wanted}"),
        Some(_) => format!("{name} is a {wanted} that was freed or never created"),
    })
}

/// Takes the handle out of use. The object is dropped when its last user, which may be the caller, has finished.
pub(crate) fn free<T: Object>(object: &Pinned<T>) -> Result<(), Failure> {
    let before = object.slot.state.fetch_and(!LIVE, AcqRel);
    if before & LIVE == 0 {
        return Err(Failure::argument("the handle is being freed by another thread".to_owned()));
    }
    TABLE.alive.fetch_sub(1, Relaxed);
    Ok(())
}

impl<T: Object> Deref for Pinned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the slot's kind said that its box holds a `T`, and it is dropped only after the last pin is gone,
        // of which this is one. `T` is `Sync`, and nobody ever has it exclusively before that.
        unsafe { &*self.object }
    }
}

impl<T: Object> Drop for Pinned<T> {
    fn drop(&mut self) {
        let before = self.slot.state.fetch_sub(1, AcqRel);
        if before & (LIVE | PINS) != 1 {
            return;
        }
        // The last pin of a handle that was freed: nobody can pin it any more, so the object is ours.
        // SAFETY: it came from `Box::<T>::into_raw`, and exactly one thread sees the last pin go.
        drop(unsafe { Box::from_raw(self.object.cast_mut()) });
        let generation = ((before >> 32) as u32).wrapping_add(1) & GENERATION_MASK;
        self.slot.state.store(u64::from(generation) << 32, Release);
        TABLE.give_back(self.slot, self.index);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct Counted(Arc<AtomicUsize>);
    #[derive(Debug)]
    struct Opaque;
    impl Object for Counted {
        const KIND: Kind = Kind::Update;
        type Opaque = Opaque;
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    struct Other;
    impl Object for Other {
        const KIND: Kind = Kind::Project;
        type Opaque = Opaque;
    }

    fn message<T: Object>(handle: *const T::Opaque) -> String {
        match borrow::<T>(handle, "x") {
            Ok(_) => "ok".to_owned(),
            Err(failure) => failure.message(),
        }
    }

    #[test]
    fn handle_is_valid_until_freed_for_its_kind() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let handle = insert(Counted(dropped.clone())).unwrap();
        assert_eq!(message::<Counted>(handle), "ok");
        assert_eq!(message::<Other>(handle), "x is a cor_update; it must be a cor_project");
        let used = borrow::<Counted>(handle, "x").unwrap();
        free(&borrow::<Counted>(handle, "x").unwrap()).unwrap();
        assert_eq!(message::<Counted>(handle), "x is a cor_update that was freed or never created");
        assert_eq!(dropped.load(Relaxed), 0, "it is still in use");
        drop(used);
        assert_eq!(dropped.load(Relaxed), 1);
        let next = insert(Counted(dropped)).unwrap();
        assert_ne!(next, handle, "a slot that is used again gives another handle");
        assert_ne!(message::<Counted>(handle), "ok");
        free(&borrow::<Counted>(next, "x").unwrap()).unwrap();
    }

    #[test]
    fn refuses_non_handles_without_dereferencing() {
        assert_eq!(message::<Other>(ptr::null()), "x is NULL; it must be a cor_project");
        for odd in [1, 2, 3, 7, 8, 0xdead_beef, usize::MAX, usize::MAX - 1, 1 << 20, (1 << 31) | 9] {
            assert_ne!(message::<Other>(ptr::without_provenance(odd)), "ok", "{odd:#x}");
        }
        let here = 5_u64;
        assert_eq!(message::<Other>(ptr::from_ref(&here).cast()), "x is not a handle of this library");
    }

    #[test]
    fn concurrent_free_and_use_end_each_handle_once() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let freed = AtomicUsize::new(0);
        for _ in 0..200 {
            let handle = insert(Counted(dropped.clone())).unwrap().addr();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let used = borrow::<Counted>(ptr::without_provenance(handle), "x");
                        if used.is_ok_and(|used| free(&used).is_ok()) {
                            freed.fetch_add(1, Relaxed);
                        }
                    });
                }
            });
        }
        assert_eq!((freed.load(Relaxed), dropped.load(Relaxed)), (200, 200));
    }

    #[test]
    fn simultaneous_handles_have_own_slots() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..3000).map(|_| insert(Counted(dropped.clone())).unwrap()).collect();
        let distinct: std::collections::HashSet<_> = handles.iter().collect();
        assert_eq!(distinct.len(), 3000);
        for handle in handles {
            free(&borrow::<Counted>(handle, "x").unwrap()).unwrap();
        }
        assert_eq!(dropped.load(Relaxed), 3000);
    }
}
