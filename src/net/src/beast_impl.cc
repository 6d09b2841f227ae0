// Beast's functions that are no templates, compiled once for the whole program.
#include <boost/beast/src.hpp>
