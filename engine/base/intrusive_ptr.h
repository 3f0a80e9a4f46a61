// Shared ownership with the count inside the object, plain while the object has stayed on its core,
// atomic once it was handed to another one.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace tandem {

// Base for objects held by IntrusivePtr. `T` gives `static void Destroy(T*) noexcept`, called with
// the last reference, on whichever thread dropped it.
//
// The count is not atomic until MarkShared(): call that on the object's own core before the first
// reference leaves it. Afterwards every thread counts atomically; the flag is written before the
// hand-over and never changes again, so the mailbox's release/acquire orders it.
template <class T>
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void MarkShared() const noexcept {
    if (!shared_) shared_ = true;  // others may be reading it if it is
  }
  void AddRef() const noexcept {
    if (shared_) {
      count_.fetch_add(1, std::memory_order_relaxed);
    } else {
      count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
  }
  void Release() const noexcept {
    if (shared_) {
      if (count_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    } else {
      const std::uint32_t left = count_.load(std::memory_order_relaxed) - 1;
      count_.store(left, std::memory_order_relaxed);
      if (left != 0) return;
    }
    T::Destroy(const_cast<T*>(static_cast<const T*>(this)));
  }
  bool IsOnlyReference() const noexcept { return count_.load(std::memory_order_acquire) == 1; }

 protected:
  ~RefCounted() = default;

 private:
  mutable std::atomic<std::uint32_t> count_{0};
  mutable bool shared_ = false;
};

template <class T>
class IntrusivePtr {
 public:
  IntrusivePtr() = default;
  explicit IntrusivePtr(T* object) noexcept : object_(object) {
    if (object_ != nullptr) object_->AddRef();
  }
  IntrusivePtr(const IntrusivePtr& other) noexcept : IntrusivePtr(other.object_) {}
  IntrusivePtr(IntrusivePtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  IntrusivePtr& operator=(IntrusivePtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~IntrusivePtr() {
    if (object_ != nullptr) object_->Release();
  }

  T* get() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const IntrusivePtr&, const IntrusivePtr&) = default;

 private:
  T* object_ = nullptr;
};

}  // namespace tandem
