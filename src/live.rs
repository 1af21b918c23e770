//! A value that can be replaced while it is in use, such as reloaded settings.

use std::sync::{Arc, PoisonError, RwLock};

/// A value that can be replaced; clones share it.
#[derive(Debug)]
pub(crate) struct Live<T>(Arc<RwLock<Arc<T>>>);

impl<T> Live<T> {
    /// A value that is current until it is replaced.
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// The current value. A held reference does not see replacements.
    pub(crate) fn get(&self) -> Arc<T> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces the value, for all clones.
    pub(crate) fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clones_see_the_new_value() {
        let (one, kept) = (Live::new(1), Live::new(0).get());
        let other = one.clone();
        other.set(2);
        assert_eq!((*one.get(), *kept), (2, 0));
    }
}
