// A client connection made with libmosquitto, the client library of another project: the demo shows
// what an ordinary client sees. MQTT 3.1.1. Driven by the thread that calls Turn; not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"

struct mosquitto;
struct mosquitto_message;

namespace tandem::demo {

// libmosquitto's global state; one object in main, before all clients and after them.
class MqttLibrary {
 public:
  MqttLibrary();
  ~MqttLibrary();
  MqttLibrary(const MqttLibrary&) = delete;
  MqttLibrary& operator=(const MqttLibrary&) = delete;
};

struct MqttHandlers {
  std::function<void()> connected;     // CONNACK with success
  std::function<void()> published;     // PUBACK
  std::function<void()> subscribed;    // SUBACK with success
  std::function<void()> unsubscribed;  // UNSUBACK
  std::function<void(std::string_view payload)> message;
};

class MqttClient {
 public:
  MqttClient(const std::string& client_id, bool clean_session, MqttHandlers handlers);
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  // Opens the TCP connection to this host and sends CONNECT.
  absl::Status Connect(std::uint16_t port);
  // At QoS 1.
  absl::Status Publish(const std::string& topic, const std::string& payload);
  absl::Status Subscribe(const std::string& filter);
  absl::Status Unsubscribe(const std::string& filter);
  // Waits at most `timeout` for traffic and handles it; handlers run in here. An error says that
  // the connection is gone, or that the broker refused.
  absl::Status Turn(std::chrono::milliseconds timeout);
  // DISCONNECT.
  void Disconnect();

 private:
  struct Destroy {
    void operator()(mosquitto* client) const noexcept;
  };
  static MqttClient& Self(void* object) { return *static_cast<MqttClient*>(object); }
  static void OnConnect(mosquitto*, void* self, int code);
  static void OnPublish(mosquitto*, void* self, int id);
  static void OnSubscribe(mosquitto*, void* self, int id, int count, const int* granted);
  static void OnUnsubscribe(mosquitto*, void* self, int id);
  static void OnMessage(mosquitto*, void* self, const mosquitto_message* message);

  MqttHandlers handlers_;
  absl::Status refused_;  // what CONNACK or SUBACK said, if not success
  std::unique_ptr<mosquitto, Destroy> client_;
};

}  // namespace tandem::demo
