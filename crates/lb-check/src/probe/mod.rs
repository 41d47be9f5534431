//! What checks send and how answers are judged.
