/// A shared object that is no plug-in.

extern "C" int troupe_has_nothing_to_do_with_it() { return 7; }
