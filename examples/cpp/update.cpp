// One update. Credentials and address come from the environment: COR_ACCESS_TOKEN, or COR_API_KEY with COR_CLIENT_SECRET.
//
//   c++ -std=c++17 update.cpp $(pkg-config --cflags --libs projectcor) && ./a.out SF-OPP-12345 SALESFORCE "Website, phase 2"
#include <projectcor.hpp>

#include <iostream>

int main(int argc, char **argv) {
  if (argc != 4) {
    std::cerr << "usage: " << argv[0] << " ID SOURCE NAME\n";
    return 2;
  }
  try {
    auto client = cor::Client::from_env();
    auto project = client.projects().update(
        argv[1], cor::ProjectUpdate(argv[2]).name(argv[3]).estimated(cor::Decimal{"18000.10"}).clear(cor::Field::brief));
    std::cout << project.json() << '\n';
  } catch (const cor::Error &error) {
    std::cerr << error.what() << '\n';
    for (const cor::Issue &issue : error.issues()) std::cerr << "  " << issue.field << ": " << issue.message << '\n';
    return 1;
  }
}
