import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

@Suite("Guide to anomalies") struct AnomaliesTests {
  @Test("What the guide says of the library is so") func guide() throws {
    let values = (0..<300).map { $0 == 250 ? 9 : sin(Double($0) / 5) }
    let all = ObservedRows(channels: [.init(name: "load", values: values)])
    let (rows, newRows) = (all[0..<200], all[200..<300])
    let (time, path) = (TimeStamp(ticks: 0), temporaryPath("stream"))
    defer { try? FileManager.default.removeItem(atPath: path) }

    let detector = try Detector.train(on: rows)
    for detection in detector.detections(in: newRows) where detection.isAnomaly {
      print(detection.time, detection.reason ?? "")
    }
    #expect(detector.detections(in: newRows).filter(\.isAnomaly).contains { $0.time == "251" })

    var stream = detector.stream()
    let detection = stream.push([21.5], at: time)
    try stream.save(to: path)
    var later = try detector.stream(contentsOf: path)
    #expect(detection.seen == 21.5 && stream.push([0.5]) == later.push([0.5]))
  }
}
