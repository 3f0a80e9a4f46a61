// Lines of the access log: which client is on which node, and what became of it.
#pragma once

#include "engine/base/ids.h"
#include "engine/broker/outbox.h"
#include "engine/reactor/transport.h"

namespace tandem::node {

// `peer`: the client's address, if the connection still has one.
void WriteAccessLine(const broker::AccessEvent& event, CoreId core, const reactor::Endpoint* peer);

}  // namespace tandem::node
