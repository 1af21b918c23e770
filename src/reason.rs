//! Reasons of refusals, failures and ignored parts: keywords for programs and for tables of explanations. The text of
//! an error may change; its reason does not.

use crate::keyword::keywords;

keywords! {
    /// Why a request was not executed completely. Set where the error is created.
    Reason {
        /// The request has no `Authorization` header.
        TokenMissing = "token.missing",
        /// The token is unknown in this database.
        TokenUnknown = "token.unknown",
        /// The token was sent without `Bearer`, or with another scheme.
        TokenNoScheme = "token.no-scheme",
        /// `Bearer` was sent twice.
        TokenSchemeTwice = "token.scheme-twice",
        /// The token was sent in quotation marks.
        TokenQuoted = "token.quoted",
        /// A part of the token is missing, or something was pasted with it.
        TokenIncomplete = "token.incomplete",
        /// The token was sent as the password of Basic authentication.
        TokenBasic = "token.basic",
        /// The token has expired.
        TokenExpired = "token.expired",
        /// The token was revoked.
        TokenRevoked = "token.revoked",
        /// The URL belongs to another tenant than the token.
        TokenOtherTenant = "token.other-tenant",
        /// The scope of the token does not allow the request.
        TokenScope = "token.scope",
        /// The URL is not below the base path.
        PathBase = "path.base",
        /// The base URL of the client ends with an endpoint.
        PathUsersTwice = "path.users-twice",
        /// The endpoint does not exist.
        EndpointUnknown = "endpoint.unknown",
        /// The endpoint does not support the method.
        MethodUnsupported = "method.unsupported",
        /// An active user has the same name.
        UserExists = "user.exists",
        /// An inactive user has the same name.
        UserExistsInactive = "user.exists-inactive",
        /// A group has the same name.
        GroupExists = "group.exists",
        /// Another value that must be unique is in use.
        ValueExists = "value.exists",
        /// All seats are taken.
        SeatsFull = "seats.full",
        /// The user name does not have the tenant's format.
        UsernameFormat = "username.format",
        /// No schema declares an attribute, or a URN of `schemas`.
        AttributeUnknown = "attribute.unknown",
        /// A PUT omits an attribute whose values then depend on a setting of the tenant.
        AttributeOmitted = "attribute.omitted",
        /// A member does not exist.
        MemberUnknown = "member.unknown",
        /// A value is invalid.
        ValueInvalid = "value.invalid",
        /// A filter is invalid or not supported.
        FilterInvalid = "filter.invalid",
        /// A required attribute has no value.
        RequiredMissing = "required.missing",
        /// A value must not be changed.
        Mutability = "mutability",
        /// The message does not have the structure that the RFC requires.
        MessageInvalid = "message.invalid",
        /// A cursor belongs to another query, or is too old.
        CursorInvalid = "cursor.invalid",
        /// A `bulkId` refers to no operation.
        ReferenceUnresolved = "reference.unresolved",
        /// The resource has another version than the request requires.
        VersionConflict = "version.conflict",
        /// The resource does not exist, or no longer.
        ResourceGone = "resource.gone",
        /// The tenant is suspended.
        TenantSuspended = "tenant.suspended",
        /// Too many requests.
        RateLimited = "rate.limited",
        /// The message, or the requested result, is too large.
        TooLarge = "too-large",
        /// A request has too many members.
        MembersTooMany = "members.too-many",
        /// The client disconnected before the response.
        ClientGone = "client.gone",
        /// The server is busy or stopping; the same request may succeed.
        ServerBusy = "server.busy",
        /// The database does not respond.
        DatabaseAway = "database.away",
        /// A fault of the server.
        Internal = "internal",
    }
}

impl Reason {
    /// Whether only the vendor of the application can solve it, so that the text for the customer ends with a contact.
    pub(crate) fn needs_vendor(self) -> bool {
        matches!(
            self,
            Self::TokenUnknown
                | Self::TokenExpired
                | Self::TokenRevoked
                | Self::TokenOtherTenant
                | Self::TokenScope
                | Self::TenantSuspended
                | Self::SeatsFull
                | Self::GroupExists
                | Self::ValueExists
        )
    }

    /// Whether access was denied: the token or the base URL is wrong.
    pub(crate) fn is_of_access(self) -> bool {
        self.is_near_miss()
            || matches!(
                self,
                Self::TokenMissing
                    | Self::TokenUnknown
                    | Self::TokenExpired
                    | Self::TokenRevoked
                    | Self::TokenOtherTenant
                    | Self::PathBase
                    | Self::PathUsersTwice
            )
    }

    /// Whether the token itself is valid and was only sent in a wrong form.
    pub(crate) fn is_near_miss(self) -> bool {
        matches!(
            self,
            Self::TokenNoScheme
                | Self::TokenSchemeTwice
                | Self::TokenQuoted
                | Self::TokenIncomplete
                | Self::TokenBasic
        )
    }
}
