// The reference of all keys, generated from the table (tools/tandem.toml.reference is this text).
#pragma once

#include <string>

namespace tandem::config {

// A TOML file in which every key stands commented out with its default, its meaning and what it may
// hold.
std::string Reference();

}  // namespace tandem::config
