//! What a field says about itself: origin, nature, scope, persistence, value type and the kinds of
//! objects that have it.

macro_rules! tag_words {
    ($(#[$doc:meta])* $name:ident { $( $(#[$vdoc:meta])* $variant:ident = $letter:literal, )* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$vdoc])* $variant, )*
        }

        impl $name {
            /// Every variant, in the order the schema lists them.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The letter of the typed form.
            pub const fn letter(self) -> u8 {
                match self { $( Self::$variant => $letter, )* }
            }

            /// The word of the JSON form.
            pub const fn word(self) -> &'static str {
                match self { $( Self::$variant => stringify!($variant), )* }
            }
        }
    };
}

tag_words! {
    /// Where a value comes from.
    Origin {
        /// Measured.
        Metric = b'M',
        /// A state of the object.
        Status = b'S',
        /// Identifies the object.
        Key = b'K',
        /// Follows from the configuration.
        Config = b'C',
        /// A constant of the program.
        Product = b'P',
    }
}

tag_words! {
    /// How values of several processes or moments may be combined.
    Nature {
        /// A level at this moment.
        Gauge = b'G',
        /// A configured limit.
        Limit = b'L',
        /// A lowest value.
        Min = b'm',
        /// A highest value.
        Max = b'M',
        /// Events per second.
        Rate = b'R',
        /// A number of events that only grows.
        Counter = b'C',
        /// A length of time.
        Duration = b'D',
        /// Time since an event.
        Age = b'A',
        /// A moment.
        Time = b'T',
        /// A name.
        Name = b'N',
        /// Free text.
        Output = b'O',
        /// An average.
        Avg = b'a',
    }
}

tag_words! {
    /// How far a value is the same.
    Scope {
        /// In the whole cluster.
        Cluster = b'C',
        /// In one process.
        Process = b'P',
        /// For the service, whatever the process.
        Service = b'S',
        /// On the machine.
        System = b's',
    }
}

tag_words! {
    /// Whether a value may outlive its process. Printed since 3.3, in the typed form only.
    Persistence {
        /// Starts again with each process.
        Volatile = b'V',
        /// May be preserved over a reload.
        Persistent = b'P',
    }
}

/// The four tags of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tags {
    /// Where the value comes from.
    pub origin: Origin,
    /// How values combine.
    pub nature: Nature,
    /// How far the value is the same.
    pub scope: Scope,
    /// Whether it may outlive the process.
    pub persistence: Persistence,
}

impl Tags {
    /// The four letters of the typed form, such as `MGPV`.
    pub const fn letters(self) -> [u8; 4] {
        [self.origin.letter(), self.nature.letter(), self.scope.letter(), self.persistence.letter()]
    }
}

/// The type a field's value has on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// Signed, 32 bits.
    S32,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// Text.
    Str,
}

impl ValueType {
    /// The word of the typed and JSON forms.
    pub const fn word(self) -> &'static str {
        match self {
            Self::S32 => "s32",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::Str => "str",
        }
    }
}

/// The kind of object a row of statistics describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ObjectKind {
    /// The accepting side of a proxy.
    Frontend = 0,
    /// The serving side of a proxy.
    Backend = 1,
    /// A server of a backend.
    Server = 2,
    /// One listening address of a frontend (shown with `option socket-stats`).
    Listener = 3,
}

impl ObjectKind {
    /// Every kind; the index is the number of the `type` column.
    pub const ALL: [Self; 4] = [Self::Frontend, Self::Backend, Self::Server, Self::Listener];

    /// From the number of the `type` column.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The number of the `type` column.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The bit that selects this kind in the second argument of `show stat <id> <types> <sid>`
    /// (1 frontends, 2 backends, 4 servers, 8 listeners; -1 has all bits set).
    pub const fn selector_bit(self) -> u32 {
        1 << self as u8
    }

    /// The first letter of a typed line.
    pub const fn letter(self) -> u8 {
        match self {
            Self::Frontend => b'F',
            Self::Backend => b'B',
            Self::Server => b'S',
            Self::Listener => b'L',
        }
    }

    /// The word of the JSON form.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Frontend => "Frontend",
            Self::Backend => "Backend",
            Self::Server => "Server",
            Self::Listener => "Listener",
        }
    }
}

/// A set of object kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kinds(u8);

impl Kinds {
    /// The set of these kinds.
    pub const fn of(kinds: &[ObjectKind]) -> Self {
        let mut bits = 0;
        let mut rest = kinds;
        while let [first, tail @ ..] = rest {
            bits |= 1 << *first as u8;
            rest = tail;
        }
        Self(bits)
    }

    /// Whether `kind` is in the set.
    pub const fn contains(self, kind: ObjectKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}
