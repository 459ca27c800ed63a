// Many updates with progress: lines of "ID,HOURS" from standard input, as they come.
//
//   c++ -std=c++17 update_many.cpp $(pkg-config --cflags --libs projectcor) && ./a.out SAP <hours.csv
#include <projectcor.hpp>

#include <iostream>
#include <string>

// A range that makes its rows when they are asked for: a million need no array.
class Lines {
 public:
  explicit Lines(std::string source) : source_(std::move(source)) {}

  struct end_of_input {};
  class iterator {
   public:
    explicit iterator(Lines *lines) : lines_(lines) { ++*this; }
    cor::Row operator*() const {
      const std::string &line = lines_->line_;
      const auto comma = line.find(',');
      // A cell that is no number makes this row fail, and no other.
      const std::string hours = comma == std::string::npos ? "" : line.substr(comma + 1);
      return {line.substr(0, comma), cor::ProjectUpdate(lines_->source_).set_cell("estimated_time", hours)};
    }
    iterator &operator++() {
      more_ = static_cast<bool>(std::getline(std::cin, lines_->line_));
      return *this;
    }
    bool operator==(end_of_input) const { return !more_; }

   private:
    Lines *lines_;
    bool more_ = true;
  };
  iterator begin() { return iterator(this); }
  end_of_input end() { return {}; }

 private:
  std::string source_, line_;
};

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " SOURCE <ID,HOURS lines\n";
    return 2;
  }
  try {
    auto client = cor::Client::from_env();
    cor::BulkOptions options;
    options.on_progress = [](const cor::Progress &now) {
      if (now.done % 100 == 0) std::cerr << '\r' << now.done << " done";
      return now.failed < 100;  // so many failures are not the rows' fault
    };
    auto results = client.projects().update_many(Lines(argv[1]), options);
    for (const cor::ItemResult &item : results)
      if (!item) std::cerr << "\rrow " << item.index() + 1 << ": " << item.error().what() << '\n';
    const auto summary = results.summary();
    std::cout << summary.read << " read, " << summary.applied << " applied, " << summary.rejected << " rejected, "
              << summary.failed << " failed, " << summary.not_started << " not started\n";
    return summary.applied == summary.read ? 0 : 1;
  } catch (const cor::Error &error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
