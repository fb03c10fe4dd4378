import Foundation
import Testing

@Suite("The command among several processes") struct ProcessesTests {
  // A build with MPI trains with them (.ci/check-mpi).
  #if !MPI
    @Test(
      "says in one line how to build it with MPI",
      arguments: [["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0"], ["PMI_SIZE": "2", "PMI_RANK": "0"]])
    func withoutMPI(_ environment: [String: String]) throws {
      let place = try Workplace()
      try place.write("month,sales\n1,2\n", to: "sales.csv")
      let result = try place.run(["train", "forecast", "sales.csv", "--save", "m"], environment: environment)
      #expect(result.status == 64 && result.errorLines.count == 1)
      #expect(result.errors.contains("swift build -c release --traits MPI"))
      #expect(try place.files == ["sales.csv"])
    }

    @Test("answers alone without MPI, and says so") func answering() throws {
      let place = try Workplace()
      let rows = (1...60).map { "\(2000 + $0 / 12)-\($0 % 12 < 9 ? "0" : "")\($0 % 12 + 1),\(100 + $0 % 12)" }
      try place.write((["month,sales"] + rows).joined(separator: "\n") + "\n", to: "sales.csv")
      let environment = ["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0"]
      let note = "4 processes were started, and this refrain was built without MPI: one answers alone."
      let forecast = ["forecast", "sales.csv", "--epochs", "2", "--hidden", "4"]
      let alone = try place.run(forecast + ["--save", "m"], environment: environment)
      #expect(alone.status == 0 && alone.errors.contains(note), "\(alone.errors)")
      for arguments in [forecast, ["predict", "m", "sales.csv"]] {
        let quiet = try place.run(arguments + ["--quiet"], environment: environment)
        #expect(quiet.status == 0 && !quiet.errors.contains("MPI"), "\(quiet.errors)")
        let said = try place.run(arguments, environment: environment)
        #expect(said.errorLines.filter { $0 == note }.count == 1, "\(said.errors)")
      }
      // Where nothing is shared in any build, nothing is to be said.
      let piped = try place.run(["predict", "m", "-"], environment: environment, input: "sales.csv")
      #expect(piped.status == 0 && !piped.errors.contains("MPI"), "\(piped.errors)")
    }
  #endif

  @Test("answers once: of a command that is not shared all processes but the first leave at once")
  func once() throws {
    let place = try Workplace()
    for names in [("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"), ("PMI_SIZE", "PMI_RANK")] {
      for arguments in [
        ["cells"], ["serve", "none.model"], ["train", "forecast", "--help"], ["train", "forecast", "--version"],
      ] {
        let first = try place.run(arguments, environment: [names.0: "2", names.1: "0"])
        #expect(!first.output.isEmpty || first.status == 66, "\(arguments)")
        let other = try place.run(arguments, environment: [names.0: "2", names.1: "1"])
        #expect(other.status == 0 && other.output.isEmpty && other.errors.isEmpty, "\(arguments): \(other.errors)")
      }
    }
  }

  @Test("tells of an error that it meets before it joins the others, in case the first does not meet it")
  func apart() throws {
    let place = try Workplace()
    for (arguments, threads, status, text) in [
      (["predict", "none.model"], "1", 66, "none.model"),
      (["train", "forecast", "a.csv", "--save", "a.model", "--nothing"], "1", 64, "--nothing"),
      (["forecast"], "many", 64, "REFRAIN_THREADS"),
    ] as [([String], String, Int32, String)] {
      let other = try place.run(
        arguments,
        environment: ["OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "REFRAIN_THREADS": threads])
      #expect(other.status == status && other.output.isEmpty && other.errorLines.count == 1, "\(other.errors)")
      #expect(other.errors.contains(text), "\(other.errors)")
    }
  }

  @Test("trains as ever where a launcher started it alone") func alone() throws {
    let place = try Workplace()
    let rows = (1...60).map { "\(2000 + $0 / 12)-\($0 % 12 < 9 ? "0" : "")\($0 % 12 + 1),\(100 + $0 % 12)" }
    try place.write((["month,sales"] + rows).joined(separator: "\n") + "\n", to: "sales.csv")
    let result = try place.run(
      ["train", "forecast", "sales.csv", "--save", "m", "--epochs", "2", "--hidden", "4", "--quiet"],
      environment: ["OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"])
    #expect(result.status == 0, "\(result.errors)")
  }
}
