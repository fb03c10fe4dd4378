import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

@testable import RefrainCLI

@Suite("Answers handed to the first of several processes") struct SharedAnswersTests {
  /// What one process ends with: answers, nothing, or the status and the line of an error.
  private enum End: Equatable {
    case answers([String])
    case nothing
    case failure(Int32, String)
  }

  /// What three processes end with.
  private func ends(
    group: @escaping @Sendable (_ group: LocalGroup) -> any TrainingGroup = { $0 },
    model: @escaping @Sendable (_ rank: Int) -> String? = { _ in nil },
    reading: @escaping @Sendable (_ rank: Int) throws -> Void = { _ in },
    common: @escaping @Sendable (_ rank: Int) -> UInt64 = { _ in 0 },
    learning: @escaping @Sendable (_ group: LocalGroup) throws -> Void = { _ in },
    _ answer: @escaping @Sendable (_ rank: Int, _ share: ExampleShare) throws -> [JSON]?
  ) throws -> [End] {
    try LocalGroup.run(3) { own in
      let group = group(own)
      do {
        let found = try SharedAnswers(group: group, model: model(group.rank)).answers {
          try reading(group.rank)
        } common: { _ in
          common(group.rank)
        } learning: { _ in
          try learning(own)
        } sharing: { _, share in
          try answer(group.rank, share)
        } alone: { _ in
          [.text("all by \(group.rank)")]
        }
        return found.map { .answers($0.map(\.line)) } ?? .nothing
      } catch let error as CommandFailure {
        return .failure(error.status, error.message)
      } catch {
        return .failure(-1, "\(error)")
      }
    }
  }

  @Test("are those of all in their order, whatever they are") func order() throws {
    let found = try ends { _, share in
      share.places(of: 7)?.map { JSON.object([("number", .integer($0)), ("half", .number(Double($0) / 2))]) }
    }
    let wanted = (0..<7).map { "{\"number\":\($0),\"half\":\(Double($0) / 2)}" }
    #expect(found == [.answers(wanted), .nothing, .nothing])
    // Fewer than processes, and none.
    #expect(try ends { _, share in share.places(of: 2)?.map { JSON.integer($0) } }[0] == .answers(["0", "1"]))
    #expect(try ends { _, _ in [] } == [.answers([]), .nothing, .nothing])
    #expect(try ends { _, _ in nil } == [.answers(["\"all by 0\""]), .nothing, .nothing])
  }

  @Test("An error is told by the first process, once, as one process would tell it") func errors() throws {
    struct Odd: Error {}
    let failing = try ends { rank, _ in
      guard rank > 0 else { return [] }
      throw TaskError("row \(rank)", remedy: "mend it")
    }
    #expect(failing == [.failure(65, "row 1; mend it"), .nothing, .nothing])
    // What the first meets itself it throws as it is.
    #expect(try ends { rank, _ in throw TaskError("row \(rank)") } == [.failure(-1, "row 0"), .nothing, .nothing])
    let missing = DataError(.missingFile, file: "a.csv", "it is not there")
    let unread = try ends(reading: { _ in throw missing }, { _, _ in [] })
    #expect(unread == [.failure(-1, "a.csv: it is not there"), .nothing, .nothing])
    // On another machine something else is wrong.
    let apart = try ends(reading: { rank in if rank == 2 { throw missing } }, { _, _ in [] })
    #expect(apart == [.failure(66, "process 2 (on machine 2): a.csv: it is not there"), .nothing, .nothing])
    let odd = try ends { rank, _ in if rank == 1 { throw Odd() } else { [] } }
    #expect(odd[0] == .failure(70, "Odd()"))
    let other = try ends { rank, share in rank == 1 ? nil : [] }
    #expect(other[0] == .failure(70, "process 1 (on machine 1) has other examples; give all machines the same files"))
  }

  @Test("Nobody learns together with a process that has not read the same, which is named") func apart() throws {
    // Who learned alone would wait for the others.
    @Sendable func learn(_ group: LocalGroup) throws { _ = try group.gather([1]) }
    @Sendable func answer(_ rank: Int, _ share: ExampleShare) -> [JSON]? { [.integer(rank)] }
    #expect(try ends(common: { _ in 7 }, learning: learn, answer) == [.answers(["0", "1", "2"]), .nothing, .nothing])
    let other = try ends(common: { $0 == 2 ? 7 : 8 }, learning: learn, answer)
    let message = "process 2 (on machine 2) has other examples; give all machines the same files"
    #expect(other == [.failure(70, message), .nothing, .nothing])
    let missing = DataError(.missingFile, file: "a.csv", "it is not there")
    let unread = try ends(reading: { if $0 == 2 { throw missing } }, learning: learn, answer)
    #expect(unread == [.failure(66, "process 2 (on machine 2): a.csv: it is not there"), .nothing, .nothing])
    let first = try ends(reading: { if $0 == 0 { throw missing } }, learning: learn, answer)
    #expect(first == [.failure(-1, "a.csv: it is not there"), .nothing, .nothing])
    let all = try ends(reading: { _ in throw missing }, learning: learn, answer)
    #expect(all == [.failure(-1, "a.csv: it is not there"), .nothing, .nothing])
    // What goes wrong while all learn is thrown at once: the others are no longer where they would meet.
    let failing = try ends(learning: { throw TaskError("epoch \($0.rank)") }, answer)
    #expect(failing == (0..<3).map { .failure(-1, "epoch \($0)") })
  }

  @Test("Machines with another model are named") func models() throws {
    try withTemporaryFolder { folder in
      let paths = ["a", "b", "c"].map { folder + "/" + $0 }
      for (path, text) in zip(paths, ["a model of one kind", "a model of one kind", "a model of another"]) {
        try writeAtomically(text, to: path)
      }
      #expect(try ends(model: { paths[$0 % 2] }, { _, _ in [] })[0] == .answers([]))
      let apart = try ends(model: { paths[$0] }, { _, _ in [] })
      let message = "process 2 (on machine 2) has another model; give all machines the same file"
      #expect(apart == [.failure(70, message), .nothing, .nothing])
    }
  }

  @Test("A machine whose processor has other instructions is named") func instructions() throws {
    @Sendable func odd(_ group: LocalGroup) -> any TrainingGroup {
      if group.rank == 2 { OddGroup(group, gathering: 1, word: 0) } else { group }
    }
    let apart = try ends(group: odd, { _, _ in [] })
    let message =
      "process 2 (on machine 2) computes with other instructions; set REFRAIN_ISA to what all processors have, such as "
      + "avx2, on all machines"
    #expect(apart == [.failure(70, message), .nothing, .nothing])
  }

  @Test("A part of a forecast arrives as it was, in every form") func parts() throws {
    let forecaster = try Forecaster.train(
      on: .airline, configuration: Forecaster.Configuration(["backtest": ["1"], "zero-shot": []]))
    for format in OutputFormat.allCases {
      for shape in Forecast.Shape.allCases where format != .table || shape == .refrain {
        for label in [nil, "a, \"b\""] {
          let report = try ForecastReport(forecaster, label: label, levels: [95], extent: .init(hasFitted: true))
          let form = ForecastPart.Form(format: format, shape: shape, terminal: .none)
          var part = ForecastPart(report, form)
          part.notes = ["Note: one."]
          let copy = try #require(JSON(bytes: part.json.bytes).flatMap(ForecastPart.init))
          #expect(copy.notes == part.notes && copy.isComplete == part.isComplete)
          for count in 1...2 {
            let text = ForecastResults(Array(repeating: copy, count: count), form).text
            #expect(text == ForecastResults(Array(repeating: part, count: count), form).text)
            #expect(text.hasSuffix("\n"), "\(format) \(shape)")
          }
        }
      }
    }
  }
}
