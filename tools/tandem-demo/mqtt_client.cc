#include "tools/tandem-demo/mqtt_client.h"

#include <mosquitto.h>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"

namespace tandem::demo {
namespace {

constexpr int kQos1 = 1;
constexpr int kKeepAliveSeconds = 30;
constexpr int kSubackFailure = 0x80;

absl::Status ToStatus(int code, const char* what) {
  if (code == MOSQ_ERR_SUCCESS) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(what, ": ", mosquitto_strerror(code)));
}

void Call(const std::function<void()>& handler) {
  if (handler) handler();
}

}  // namespace

MqttLibrary::MqttLibrary() { mosquitto_lib_init(); }
MqttLibrary::~MqttLibrary() { mosquitto_lib_cleanup(); }

void MqttClient::Destroy::operator()(mosquitto* client) const noexcept {
  mosquitto_destroy(client);
}

MqttClient::MqttClient(const std::string& client_id, bool clean_session, MqttHandlers handlers)
    : handlers_(std::move(handlers)),
      client_(mosquitto_new(client_id.c_str(), clean_session, this)) {
  TANDEM_CHECK(client_ != nullptr);
  mosquitto_int_option(client_.get(), MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_connect_callback_set(client_.get(), OnConnect);
  mosquitto_publish_callback_set(client_.get(), OnPublish);
  mosquitto_subscribe_callback_set(client_.get(), OnSubscribe);
  mosquitto_unsubscribe_callback_set(client_.get(), OnUnsubscribe);
  mosquitto_message_callback_set(client_.get(), OnMessage);
}

absl::Status MqttClient::Connect(std::uint16_t port) {
  refused_ = absl::OkStatus();
  return ToStatus(mosquitto_connect(client_.get(), "127.0.0.1", port, kKeepAliveSeconds),
                  "connect");
}

absl::Status MqttClient::Publish(const std::string& topic, const std::string& payload) {
  return ToStatus(mosquitto_publish(client_.get(), nullptr, topic.c_str(),
                                    static_cast<int>(payload.size()), payload.data(), kQos1, false),
                  "publish");
}

absl::Status MqttClient::Subscribe(const std::string& filter) {
  return ToStatus(mosquitto_subscribe(client_.get(), nullptr, filter.c_str(), kQos1), "subscribe");
}

absl::Status MqttClient::Unsubscribe(const std::string& filter) {
  return ToStatus(mosquitto_unsubscribe(client_.get(), nullptr, filter.c_str()), "unsubscribe");
}

absl::Status MqttClient::Turn(std::chrono::milliseconds timeout) {
  const int code = mosquitto_loop(client_.get(), static_cast<int>(timeout.count()), 1);
  TANDEM_RETURN_IF_ERROR(refused_);
  return ToStatus(code, "connection");
}

void MqttClient::Disconnect() { mosquitto_disconnect(client_.get()); }

void MqttClient::OnConnect(mosquitto*, void* self, int code) {
  if (code == 0) return Call(Self(self).handlers_.connected);
  Self(self).refused_ =
      absl::UnavailableError(absl::StrCat("CONNECT refused: ", mosquitto_connack_string(code)));
}

void MqttClient::OnPublish(mosquitto*, void* self, int) { Call(Self(self).handlers_.published); }

void MqttClient::OnSubscribe(mosquitto*, void* self, int, int count, const int* granted) {
  if (count == 1 && granted[0] != kSubackFailure) return Call(Self(self).handlers_.subscribed);
  Self(self).refused_ = absl::UnavailableError("SUBSCRIBE refused");
}

void MqttClient::OnUnsubscribe(mosquitto*, void* self, int) {
  Call(Self(self).handlers_.unsubscribed);
}

void MqttClient::OnMessage(mosquitto*, void* self, const mosquitto_message* message) {
  if (!Self(self).handlers_.message) return;
  const auto* const bytes = static_cast<const char*>(message->payload);
  Self(self).handlers_.message({bytes, static_cast<std::size_t>(message->payloadlen)});
}

}  // namespace tandem::demo
