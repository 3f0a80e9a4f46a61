// Paho C (its blocking interface) as a subscriber or publisher of the end-to-end tests; the command
// line and the lines it prints are described in harness/families.py.
#include <MQTTClient.h>
#include <getopt.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

struct Options {
  std::string mode, host, id, filter, topic, will_topic, will_payload;
  int version = 0;
  int qos = 0;
  bool retain = false;
  bool persistent = false;
};

[[noreturn]] void Fail(const char* what, int code) {
  std::printf("closed %s: %d\n", what, code);
  std::exit(3);
}

Options ParseOptions(int argc, char** argv) {
  static const option kLong[] = {{"host", required_argument, nullptr, 'h'},
                                 {"version", required_argument, nullptr, 'v'},
                                 {"id", required_argument, nullptr, 'i'},
                                 {"qos", required_argument, nullptr, 'q'},
                                 {"filter", required_argument, nullptr, 'f'},
                                 {"topic", required_argument, nullptr, 't'},
                                 {"retain", no_argument, nullptr, 'r'},
                                 {"persistent", no_argument, nullptr, 'p'},
                                 {"will-topic", required_argument, nullptr, 'w'},
                                 {"will-payload", required_argument, nullptr, 'W'},
                                 {nullptr, 0, nullptr, 0}};
  Options options;
  for (int key = 0; (key = getopt_long(argc, argv, "", kLong, nullptr)) != -1;) {
    switch (key) {
      case 'h':
        options.host = optarg;
        break;
      case 'v':
        options.version = std::atoi(optarg);
        break;
      case 'i':
        options.id = optarg;
        break;
      case 'q':
        options.qos = std::atoi(optarg);
        break;
      case 'f':
        options.filter = optarg;
        break;
      case 't':
        options.topic = optarg;
        break;
      case 'r':
        options.retain = true;
        break;
      case 'p':
        options.persistent = true;
        break;
      case 'w':
        options.will_topic = optarg;
        break;
      case 'W':
        options.will_payload = optarg;
        break;
      default:
        std::exit(2);
    }
  }
  if (optind != argc - 1) std::exit(2);
  options.mode = argv[optind];
  return options;
}

MQTTClient Create(const Options& options) {
  const std::string uri = "tcp://" + options.host + ":1883";
  MQTTClient_createOptions create = MQTTClient_createOptions_initializer;
  create.MQTTVersion = options.version;
  MQTTClient client = nullptr;
  const int code = MQTTClient_createWithOptions(&client, uri.c_str(), options.id.c_str(),
                                                MQTTCLIENT_PERSISTENCE_NONE, nullptr, &create);
  if (code != MQTTCLIENT_SUCCESS) Fail("create", code);
  return client;
}

// Connects; whether the broker had a session.
bool Connect(MQTTClient client, const Options& options) {
  MQTTClient_connectOptions connect = MQTTClient_connectOptions_initializer;
  MQTTClient_connectOptions connect5 = MQTTClient_connectOptions_initializer5;
  MQTTClient_connectOptions& chosen = options.version == 5 ? connect5 : connect;
  MQTTClient_willOptions will = MQTTClient_willOptions_initializer;
  chosen.MQTTVersion = options.version;
  chosen.reliable = 0;  // several messages on the way at a time
  chosen.maxInflightMessages = 20;
  if (!options.will_topic.empty()) {
    will.topicName = options.will_topic.c_str();
    will.message = options.will_payload.c_str();
    will.qos = 1;
    chosen.will = &will;
  }
  if (options.version != 5) {
    chosen.cleansession = options.persistent ? 0 : 1;
    const int code = MQTTClient_connect(client, &chosen);
    if (code != MQTTCLIENT_SUCCESS) Fail("connect", code);
    return chosen.returned.sessionPresent != 0;
  }
  chosen.cleanstart = options.persistent ? 0 : 1;
  MQTTProperties properties = MQTTProperties_initializer;
  MQTTProperty expiry{};
  expiry.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL;
  expiry.value.integer4 = 3600;
  if (options.persistent) MQTTProperties_add(&properties, &expiry);
  MQTTResponse response = MQTTClient_connect5(client, &chosen, &properties, nullptr);
  if (response.reasonCode != MQTTREASONCODE_SUCCESS) Fail("connect", response.reasonCode);
  MQTTResponse_free(response);
  return chosen.returned.sessionPresent != 0;
}

int Arrived(void*, char* topic, int topic_bytes, MQTTClient_message* message) {
  const std::string name =
      topic_bytes > 0 ? std::string(topic, static_cast<std::size_t>(topic_bytes)) : topic;
  std::printf("message %d %d %s %.*s\n", message->qos, message->retained, name.c_str(),
              message->payloadlen, static_cast<const char*>(message->payload));
  MQTTClient_freeMessage(&message);
  MQTTClient_free(topic);
  return 1;
}

void Lost(void*, char* cause) {
  std::printf("closed %s\n", cause != nullptr ? cause : "without a word");
  std::_Exit(0);
}

void Disconnected(void*, MQTTProperties*, enum MQTTReasonCodes code) {
  std::printf("closed %d\n", static_cast<int>(code));
  std::_Exit(0);
}

int Subscribe(MQTTClient client, const Options& options) {
  MQTTClient_setCallbacks(client, nullptr, Lost, Arrived, nullptr);
  if (options.version == 5) MQTTClient_setDisconnected(client, nullptr, Disconnected);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, nullptr);
  const bool present = Connect(client, options);
  int code = 0;
  if (options.version == 5) {
    MQTTResponse response =
        MQTTClient_subscribe5(client, options.filter.c_str(), options.qos, nullptr, nullptr);
    code = response.reasonCode;
    MQTTResponse_free(response);
  } else {
    code = MQTTClient_subscribe(client, options.filter.c_str(), options.qos);
  }
  if (code < 0 || code >= 0x80) Fail("subscribe", code);
  std::printf("ready %d\n", present ? 1 : 0);
  int signal_number = 0;
  sigwait(&term, &signal_number);
  return MQTTClient_disconnect(client, 5000);
}

int Publish(MQTTClient client, const Options& options) {
  // With callbacks the library reads on a thread of its own; without, each wait costs a second.
  MQTTClient_setCallbacks(client, nullptr, Lost, Arrived, nullptr);
  Connect(client, options);
  MQTTClient_deliveryToken token = 0;
  std::vector<MQTTClient_deliveryToken> tokens;
  for (std::string line; std::getline(std::cin, line);) {
    const int bytes = static_cast<int>(line.size());
    int code = 0;
    if (options.version == 5) {
      MQTTResponse response = MQTTClient_publish5(client, options.topic.c_str(), bytes, line.data(),
                                                  options.qos, options.retain, nullptr, &token);
      code = response.reasonCode;
      MQTTResponse_free(response);
    } else {
      code = MQTTClient_publish(client, options.topic.c_str(), bytes, line.data(), options.qos,
                                options.retain, &token);
    }
    if (code != MQTTCLIENT_SUCCESS) Fail("publish", code);
    tokens.push_back(token);
  }
  for (const MQTTClient_deliveryToken sent : tokens) {
    const int code = options.qos > 0 ? MQTTClient_waitForCompletion(client, sent, 10'000) : 0;
    if (code != MQTTCLIENT_SUCCESS) Fail("publish is not acknowledged", code);
  }
  std::printf("published\n");
  return MQTTClient_disconnect(client, 5000);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Options options = ParseOptions(argc, argv);
  const MQTTClient client = Create(options);
  return options.mode == "sub" ? Subscribe(client, options) : Publish(client, options);
}
