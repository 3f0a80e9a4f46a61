#include "cluster/witness/etcd_codec.h"

#include <capnp/compat/json.h>
#include <capnp/message.h>

#include <algorithm>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"

namespace tandem::cluster {
namespace {

using capnp::JsonValue;

std::string Quoted(std::string_view text) {
  // Names may hold anything but what configuration refuses; the codec knows how to escape.
  capnp::MallocMessageBuilder message;
  auto value = message.initRoot<JsonValue>();
  value.setString(kj::StringPtr(std::string(text).c_str()));
  return std::string(capnp::JsonCodec().encodeRaw(value).cStr());
}

std::string Base64(std::string_view text) { return absl::Base64Escape(ToAbsl(text)); }

// A parsed text; throws kj::Exception if it is no JSON.
class Json {
 public:
  explicit Json(std::string_view text) : root_(message_.initRoot<JsonValue>()) {
    capnp::JsonCodec codec;
    codec.setMaxNestingDepth(16);
    codec.decodeRaw(kj::arrayPtr(text.data(), text.size()), root_);
  }
  JsonValue::Reader root() const { return root_.asReader(); }

 private:
  capnp::MallocMessageBuilder message_;
  JsonValue::Builder root_;
};

std::optional<JsonValue::Reader> Find(JsonValue::Reader object, std::string_view name) {
  if (!object.isObject()) return std::nullopt;
  for (const JsonValue::Field::Reader field : object.getObject()) {
    if (std::string_view(field.getName().cStr()) == name) return field.getValue();
  }
  return std::nullopt;
}

std::optional<JsonValue::Reader> First(std::optional<JsonValue::Reader> array) {
  if (!array || !array->isArray() || array->getArray().size() == 0) return std::nullopt;
  return array->getArray()[0];
}

absl::StatusOr<std::string> TextOf(JsonValue::Reader object, std::string_view name) {
  const auto value = Find(object, name);
  if (!value || !value->isString())
    return absl::InvalidArgumentError(absl::StrCat("no text \"", ToAbsl(name), "\""));
  return std::string(value->getString().cStr());
}

// Whether a text of a record can be written and read back: KJ writes other control characters as
// escapes that it misreads.
bool IsPlain(std::string_view text) {
  constexpr std::string_view kWithShortEscape = "\b\f\n\r\t";
  return std::none_of(text.begin(), text.end(), [&](char c) {
    return static_cast<unsigned char>(c) < 0x20 &&
           kWithShortEscape.find(c) == std::string_view::npos;
  });
}

// "\u00e4": capnp 0.9.2 takes the hexadecimal digits a to f for 0 to 5.
bool HasNumericEscape(std::string_view json) {
  for (std::size_t i = 0; i + 1 < json.size(); ++i) {
    if (json[i] == '\\' && json[++i] == 'u') return true;
  }
  return false;
}

// The gateway writes 64-bit numbers as text.
absl::StatusOr<std::uint64_t> NumberOf(JsonValue::Reader object, std::string_view name) {
  TANDEM_ASSIGN_OR_RETURN(const std::string text, TextOf(object, name));
  std::uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number))
    return absl::InvalidArgumentError(absl::StrCat("\"", ToAbsl(name), "\" is no number"));
  return number;
}

absl::StatusOr<WitnessRecord> ReadRecord(JsonValue::Reader object) {
  WitnessRecord record;
  TANDEM_ASSIGN_OR_RETURN(record.epoch, NumberOf(object, "epoch"));
  TANDEM_ASSIGN_OR_RETURN(record.node, TextOf(object, "node"));
  TANDEM_ASSIGN_OR_RETURN(record.pairing, TextOf(object, "pairing"));
  TANDEM_ASSIGN_OR_RETURN(const std::uint64_t by, NumberOf(object, "by"));
  record.by = Incarnation{by};
  if (!IsPlain(record.node) || !IsPlain(record.pairing))
    return absl::InvalidArgumentError("a control character in a name");
  return record;
}

// The answer to a range of one key: an object whose "kvs" holds it, or has no such field.
absl::StatusOr<WitnessReading> ReadRange(JsonValue::Reader range) {
  const auto entry = First(Find(range, "kvs"));
  if (!entry) return WitnessReading{};
  WitnessReading reading;
  TANDEM_ASSIGN_OR_RETURN(reading.revision, NumberOf(*entry, "mod_revision"));
  TANDEM_ASSIGN_OR_RETURN(const std::string coded, TextOf(*entry, "value"));
  std::string text;
  if (!absl::Base64Unescape(coded, &text))
    return absl::InvalidArgumentError("the value is no base64");
  TANDEM_ASSIGN_OR_RETURN(reading.record, DecodeRecord(text));
  return reading;
}

absl::StatusOr<WitnessAnswer> ReadAnswer(const WitnessRequest& request, JsonValue::Reader root) {
  WitnessAnswer answer{.number = request.number, .result = WitnessAnswer::Result::kRead};
  if (!request.record) {
    TANDEM_ASSIGN_OR_RETURN(answer.reading, ReadRange(root));
    return answer;
  }
  const auto succeeded = Find(root, "succeeded");
  if (succeeded && succeeded->isBoolean() && succeeded->getBoolean()) {
    answer.result = WitnessAnswer::Result::kWritten;
    answer.reading.record = request.record;
    return answer;
  }
  const auto response = First(Find(root, "responses"));
  const auto range = response ? Find(*response, "response_range") : std::nullopt;
  if (!range) return absl::InvalidArgumentError("a refused write without what stands there");
  TANDEM_ASSIGN_OR_RETURN(answer.reading, ReadRange(*range));
  return answer;
}

// KJ's parser throws at what is no JSON.
template <typename Read>
auto Parsed(std::string_view text, Read read) -> decltype(read(JsonValue::Reader())) {
  try {
    const Json json(text);
    return read(json.root());
  } catch (const kj::Exception& exception) {
    return absl::InvalidArgumentError(absl::StrCat("no JSON: ", exception.getDescription().cStr()));
  }
}

}  // namespace

std::string RegisterKey(std::string_view cluster) {
  return absl::StrCat("/tandem/", ToAbsl(cluster), "/epoch");
}

std::string EncodeRecord(const WitnessRecord& record) {
  return absl::StrCat("{\"epoch\":\"", record.epoch, "\",\"node\":", Quoted(record.node),
                      ",\"pairing\":", Quoted(record.pairing), ",\"by\":\"",
                      static_cast<std::uint64_t>(record.by), "\"}");
}

absl::StatusOr<WitnessRecord> DecodeRecord(std::string_view text) {
  // No name that configuration allows needs one.
  if (HasNumericEscape(text)) return absl::InvalidArgumentError("a numeric escape in a record");
  return Parsed(text, ReadRecord);
}

EtcdCall EncodeCall(std::string_view key, const WitnessRequest& request) {
  const std::string coded = Base64(key);
  if (!request.record) return {"/v3/kv/range", absl::StrCat("{\"key\":\"", coded, "\"}")};
  return {"/v3/kv/txn",
          absl::StrCat("{\"compare\":[{\"key\":\"", coded,
                       "\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"",
                       request.revision, "\"}],\"success\":[{\"request_put\":{\"key\":\"", coded,
                       "\",\"value\":\"", Base64(EncodeRecord(*request.record)),
                       "\"}}],\"failure\":[{\"request_range\":{\"key\":\"", coded, "\"}}]}")};
}

absl::StatusOr<WitnessAnswer> DecodeAnswer(const WitnessRequest& request, std::string_view body) {
  return Parsed(body, [&](JsonValue::Reader root) { return ReadAnswer(request, root); });
}

}  // namespace tandem::cluster
