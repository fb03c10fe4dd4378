import Refrain
import Testing

@testable import RefrainCLI

@Suite("Environment variables of the command")
struct EnvironmentTests {
  @Test(
    "a value that cannot be is one line and status 64, whatever was asked for",
    arguments: [
      ("REFRAIN_ISA", "foo"), ("REFRAIN_ISA", ""), ("REFRAIN_THREADS", "abc"), ("REFRAIN_THREADS", "0"),
      ("REFRAIN_THREADS", ""),
    ])
  func wrong(variable: String, value: String) throws {
    for arguments in [["--version"], ["cells"], ["forecast", "--epochs", "1"]] {
      let result = try Workplace().run(arguments, environment: [variable: value])
      #expect(result.status == 64)
      #expect(result.output.isEmpty)
      #expect(result.errorLines.count == 1 && result.errors.contains("\(variable) is '\(value)'"), "\(result.errors)")
    }
  }

  @Test("the version names the processor and the instructions in use")
  func version() throws {
    let result = try Workplace().run(["--version"], environment: ["REFRAIN_ISA": "baseline"])
    #expect(result.status == 0)
    #expect(result.text.contains(Processor.current.name) && result.text.contains("baseline"))
  }
}
