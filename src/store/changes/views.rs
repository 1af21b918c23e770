//! The tables of the views of the feed.

/// The tables of `directory_events`: positions `f`, changes `c`, tenants `t` and resource types `k`.
pub(in crate::store) const EVENTS: &str = "feed f\n  join change c on c.tenant = f.tenant and c.change = f.change\
     \n  left join tenant t on t.tenant = c.tenant\
     \n  left join kind k on k.kind = c.seq >> 56";
/// The tables of `directory_event_members`: positions `f`, members `m` and their types `k`.
pub(in crate::store) const EVENT_MEMBERS: &str = "feed f\n  join change_member m on m.tenant = f.tenant and m.change = f.change\
     \n  left join kind k on k.kind = m.kind";
