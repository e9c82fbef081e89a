//! The lines that the documentation promises, as they are written there.

use crate::place::Place;

#[test]
fn lines_work_as_written() {
    let place = Place::new();
    let logo: Vec<u8> = (0..=255).cycle().take(5000).collect();
    std::fs::write(place.path().join("logo.png"), &logo).expect("a file");
    let update = "#!/bin/sh\nmmf set shop price 13.5 --type f64\n";
    place.shell(&format!("printf '{update}' >update && chmod +x update")).prints("");

    place.shell("mmf create shop --capacity 64MiB --swapfile shop.mmf").prints("");
    place.shell("mmf set shop price 12.5 --type f64").prints("");
    place.shell("mmf set shop logo --file logo.png").prints("");
    place.shell("mmf get --raw shop logo > copy.png").prints("");
    assert_eq!(std::fs::read(place.path().join("copy.png")).expect("the copy"), logo);
    place.shell("mmf add shop visits 1").prints("1\n");

    let waiter = place.start("mmf wait shop door --exists --timeout 5s");
    place.shell("mmf set shop door open").prints("");
    waiter.end().ends(0);
    place.shell("mmf wait shop door --since 7 --timeout 5s").ends(0);

    place.shell("mmf lock shop --timeout 300ms -- ./update").prints("");
    place.shell("mmf get shop price").prints("13.5\n");
    place.shell("mmf list shop pri").prints("price\n");
    let pager = "command -v less >/dev/null || less() { cat; }";
    let listing = place.shell(&format!("{pager}; mmf check shop && mmf debug shop | less")).ends(0);
    assert!(listing.text().starts_with("shop: no findings\nNAMESPACE \"shop\"\n"));
}
